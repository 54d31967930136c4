//! Reads the rows of an SQLite database file without SQLite, as somebody does who was handed a
//! disk: with them comes where each lies in the file, which SQL does not tell. After the public
//! description of the format (sqlite.org/fileformat2.html). The write-ahead log must be empty.

use std::fmt;

/// A value of a row.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Nothing.
    Null,
    /// A number.
    Number(i64),
    /// Bytes or a text.
    Bytes(Vec<u8>),
}

impl Value {
    /// The bytes, where it has any.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Null | Self::Number(_) => &[],
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
        }
    }
}

/// A row.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its values; the key comes first.
    pub values: Vec<Value>,
    /// Where it begins in the file.
    pub place: usize,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Its rows in the order of their keys.
    pub rows: Vec<Row>,
}

/// All tables of a database.
#[derive(Debug, Clone)]
pub struct Database {
    /// The tables.
    pub tables: Vec<Table>,
}

impl Database {
    /// Reads a whole file; `None` where it is not a database that this reader understands.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let file = Pages::new(bytes)?;
        let mut tables = Vec::new();
        for row in file.rows(1)? {
            let [Value::Bytes(kind), Value::Bytes(name), _, Value::Number(root), ..] =
                row.values.as_slice()
            else {
                return None;
            };
            if kind == b"table" {
                let name = String::from_utf8(name.clone()).ok()?;
                let rows = file.rows(usize::try_from(*root).ok()?)?;
                tables.push(Table { name, rows });
            }
        }
        Some(Self { tables })
    }

    /// A table.
    ///
    /// # Panics
    /// Where there is none of this name.
    #[must_use]
    pub fn table(&self, name: &str) -> &Table {
        self.tables.iter().find(|table| table.name == name).expect("the schema has this table")
    }

    /// Every value with the name of its table and the number of its column.
    pub fn values(&self) -> impl Iterator<Item = (String, &Value)> {
        self.tables.iter().flat_map(|table| {
            table.rows.iter().flat_map(|row| {
                let name = |column| format!("{}.{column}", table.name);
                row.values.iter().enumerate().map(move |(column, value)| (name(column), value))
            })
        })
    }
}

struct Pages<'a> {
    bytes: &'a [u8],
    size: usize,
    usable: usize,
}

/// How deep a tree is at most; deeper is a loop.
const DEPTH_MAX: usize = 20;

impl<'a> Pages<'a> {
    fn new(bytes: &'a [u8]) -> Option<Self> {
        bytes.strip_prefix(b"SQLite format 3\0")?;
        let size = match u16::from_be_bytes(bytes.get(16..18)?.try_into().ok()?) {
            1 => 65_536,
            size => usize::from(size),
        };
        let usable = size.checked_sub(usize::from(*bytes.get(20)?))?;
        Some(Self { bytes, size, usable })
    }

    fn rows(&self, root: usize) -> Option<Vec<Row>> {
        let mut rows = Vec::new();
        self.walk(root, DEPTH_MAX, &mut rows)?;
        Some(rows)
    }

    fn number<const N: usize>(&self, at: usize) -> Option<usize> {
        let bytes = self.bytes.get(at..at + N)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    fn walk(&self, page: usize, depth: usize, rows: &mut Vec<Row>) -> Option<()> {
        let start = page.checked_sub(1)? * self.size;
        let header = if page == 1 { start + 100 } else { start };
        let kind = *self.bytes.get(header)?;
        let (is_inner, is_table) = match kind {
            2 => (true, false),
            5 => (true, true),
            10 => (false, false),
            13 => (false, true),
            _ => return None,
        };
        let cells = header + if is_inner { 12 } else { 8 };
        for index in 0..self.number::<2>(header + 3)? {
            let mut at = start + self.number::<2>(cells + 2 * index)?;
            let place = at;
            if is_inner {
                self.walk(self.number::<4>(at)?, depth.checked_sub(1)?, rows)?;
                at += 4;
            }
            if is_inner && is_table {
                continue;
            }
            let length = usize::try_from(self.varint(&mut at)?).ok()?;
            if is_table {
                self.varint(&mut at)?;
            }
            let payload = self.payload(at, length, is_table)?;
            rows.push(Row { values: read_record(&payload)?, place });
        }
        if is_inner {
            self.walk(self.number::<4>(header + 8)?, depth.checked_sub(1)?, rows)?;
        }
        Some(())
    }

    fn payload(&self, at: usize, length: usize, is_table: bool) -> Option<Vec<u8>> {
        let usable = self.usable;
        let most = if is_table { usable - 35 } else { (usable - 12) * 64 / 255 - 23 };
        let least = (usable - 12) * 32 / 255 - 23;
        let fitting = least + length.saturating_sub(least) % (usable - 4);
        let local = match length {
            _ if length <= most => length,
            _ if fitting <= most => fitting,
            _ => least,
        };
        let mut payload = self.bytes.get(at..at + local)?.to_vec();
        let mut next = if local < length { self.number::<4>(at + local)? } else { 0 };
        while payload.len() < length {
            let start = next.checked_sub(1)? * self.size;
            let part = (length - payload.len()).min(usable - 4);
            payload.extend(self.bytes.get(start + 4..start + 4 + part)?);
            next = self.number::<4>(start)?;
        }
        Some(payload)
    }

    fn varint(&self, at: &mut usize) -> Option<u64> {
        read_varint(self.bytes, at)
    }
}

fn read_varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0;
    for index in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if index == 8 {
            return Some(number << 8 | u64::from(byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            break;
        }
    }
    Some(number)
}

fn read_record(payload: &[u8]) -> Option<Vec<Value>> {
    let mut at = 0;
    let mut body = usize::try_from(read_varint(payload, &mut at)?).ok()?;
    let head = body;
    let mut values = Vec::new();
    while at < head {
        let kind = read_varint(payload, &mut at)?;
        let length = match kind {
            0 | 8 | 9 => 0,
            1..=4 => kind,
            5 => 6,
            6 | 7 => 8,
            _ => (kind - 12) / 2,
        };
        let length = usize::try_from(length).ok()?;
        let bytes = payload.get(body..body + length)?;
        body += length;
        values.push(match kind {
            0 => Value::Null,
            8 => Value::Number(0),
            9 => Value::Number(1),
            1..=6 => Value::Number(signed(bytes)),
            _ => Value::Bytes(bytes.to_vec()),
        });
    }
    Some(values)
}

fn signed(bytes: &[u8]) -> i64 {
    let first = bytes.first().map_or(0, |byte| i64::from(byte.cast_signed()));
    bytes.iter().skip(1).fold(first, |number, byte| number << 8 | i64::from(*byte))
}
