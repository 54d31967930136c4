//! The shape of everything that this crate writes by itself: a CBOR array (RFC 8949) whose first
//! element is a version. Reading is strict: no other length, no other version, nothing behind.

use minicbor::{Decoder, Encoder};
use veche_wire::DecodeError;

const INFALLIBLE: &str = "writing to memory cannot fail";

/// Writes one array.
pub(crate) struct Writer(Encoder<Vec<u8>>);

impl Writer {
    /// Begins an array of a version and `fields` more elements.
    pub(crate) fn new(version: u32, fields: u64) -> Self {
        let mut encoder = Encoder::new(Vec::new());
        encoder.array(fields + 1).expect(INFALLIBLE).u32(version).expect(INFALLIBLE);
        Self(encoder)
    }

    pub(crate) fn number(&mut self, value: u64) -> &mut Self {
        self.0.u64(value).expect(INFALLIBLE);
        self
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        self.0.bytes(value).expect(INFALLIBLE);
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        self.0.str(value).expect(INFALLIBLE);
        self
    }

    pub(crate) fn maybe_bytes(&mut self, value: Option<&[u8]>) -> &mut Self {
        match value {
            Some(value) => self.0.bytes(value).expect(INFALLIBLE),
            None => self.0.null().expect(INFALLIBLE),
        };
        self
    }

    pub(crate) fn maybe_number(&mut self, value: Option<u64>) -> &mut Self {
        match value {
            Some(value) => self.0.u64(value).expect(INFALLIBLE),
            None => self.0.null().expect(INFALLIBLE),
        };
        self
    }

    /// Begins an inner array of `length` elements.
    pub(crate) fn list(&mut self, length: usize) -> &mut Self {
        self.0.array(length as u64).expect(INFALLIBLE);
        self
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0.into_writer()
    }
}

/// Reads one array.
pub(crate) struct Reader<'a> {
    decoder: Decoder<'a>,
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Opens an array of `version` and `fields` more elements.
    pub(crate) fn new(
        bytes: &'a [u8],
        what: &'static str,
        version: u32,
        fields: u64,
    ) -> Result<Self, DecodeError> {
        let mut reader = Self { decoder: Decoder::new(bytes), what };
        let length = reader.list(usize::MAX)?;
        let found = reader.number()?;
        if found != u64::from(version) {
            return Err(DecodeError::Version { what, version: found });
        }
        if length as u64 != fields + 1 {
            return Err(reader.malformed());
        }
        Ok(reader)
    }

    pub(crate) fn malformed(&self) -> DecodeError {
        DecodeError::Malformed(self.what)
    }

    pub(crate) fn number(&mut self) -> Result<u64, DecodeError> {
        self.decoder.u64().map_err(|_| DecodeError::Malformed(self.what))
    }

    pub(crate) fn small(&mut self) -> Result<u32, DecodeError> {
        self.decoder.u32().map_err(|_| DecodeError::Malformed(self.what))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        self.decoder.bytes().map_err(|_| DecodeError::Malformed(self.what))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.bytes()?.try_into().map_err(|_| DecodeError::Malformed(self.what))
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, DecodeError> {
        self.decoder.str().map_err(|_| DecodeError::Malformed(self.what))
    }

    fn is_null(&mut self) -> Result<bool, DecodeError> {
        let found = self.decoder.datatype().map_err(|_| DecodeError::Malformed(self.what))?;
        if found != minicbor::data::Type::Null {
            return Ok(false);
        }
        self.decoder.null().map_err(|_| DecodeError::Malformed(self.what))?;
        Ok(true)
    }

    pub(crate) fn maybe_bytes(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        if self.is_null()? { Ok(None) } else { self.bytes().map(Some) }
    }

    pub(crate) fn maybe_number(&mut self) -> Result<Option<u64>, DecodeError> {
        if self.is_null()? { Ok(None) } else { self.number().map(Some) }
    }

    pub(crate) fn maybe_array<const N: usize>(&mut self) -> Result<Option<[u8; N]>, DecodeError> {
        Ok(if self.is_null()? { None } else { Some(self.array()?) })
    }

    /// Opens an inner array of at most `limit` elements; returns their number.
    pub(crate) fn list(&mut self, limit: usize) -> Result<usize, DecodeError> {
        let length = self
            .decoder
            .array()
            .ok()
            .flatten()
            .and_then(|length| usize::try_from(length).ok())
            .ok_or(DecodeError::Malformed(self.what))?;
        if length > limit {
            return Err(DecodeError::TooLarge { what: self.what, limit });
        }
        Ok(length)
    }

    /// Nothing may lie behind the array.
    pub(crate) fn finish(self) -> Result<(), DecodeError> {
        if self.decoder.position() == self.decoder.input().len() {
            Ok(())
        } else {
            Err(DecodeError::Malformed(self.what))
        }
    }
}
