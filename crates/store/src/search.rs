//! Turning what a person types into a query of the full-text index.

/// How the index cuts text into words; for `tokenize =` of the FTS5 table.
pub const TOKENIZER: &str = "unicode61 remove_diacritics 2";

/// The most words of a query that are looked for; further ones are left out.
pub const WORDS_MAX: usize = 16;
/// The most characters of a word that are looked for.
pub const WORD_CHARACTERS_MAX: usize = 64;

/// The FTS5 query that finds texts with a word that begins like each word of `text`.
///
/// `None` when there is nothing to look for. Whatever the text is, the query has no syntax error:
/// each word becomes a quoted string, in which FTS5 knows no operators. A word with a mark inside
/// (`don't`, `a.b`) is cut by the index itself, and its parts are looked for side by side.
#[must_use]
pub fn prefix_query(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .split(|character: char| {
            character.is_whitespace() || character.is_control() || character == '"'
        })
        .filter(|word| word.contains(char::is_alphanumeric))
        .take(WORDS_MAX)
        .map(|word| format!("\"{}\"*", word.chars().take(WORD_CHARACTERS_MAX).collect::<String>()))
        .collect();
    (!words.is_empty()).then(|| words.join(" AND "))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use rusqlite::Connection;

    use super::{TOKENIZER, prefix_query};

    /// An index of messages, as the real one is made.
    fn index(messages: &[&str]) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(&format!(
                "CREATE VIRTUAL TABLE found USING fts5 (text, tokenize = '{TOKENIZER}')"
            ))
            .unwrap();
        for message in messages {
            connection.execute("INSERT INTO found VALUES (?1)", [message]).unwrap();
        }
        connection
    }

    fn look_for(connection: &Connection, query: &str) -> rusqlite::Result<Vec<String>> {
        connection
            .prepare_cached("SELECT text FROM found WHERE found MATCH ?1 ORDER BY rowid")?
            .query_map([query], |row| row.get(0))?
            .collect()
    }

    fn check(text: &str, expected: &Expect) {
        let index = index(&[
            "Meet me at the Café Müller",
            "cafe\u{301}s are closed",
            "I don't know that road",
            "it ends in NEAR and OR",
            "version 1.25 is out",
            "встреча в пять",
        ]);
        let found = prefix_query(text).map(|query| look_for(&index, &query).unwrap());
        expected.assert_eq(&format!("{found:?}"));
    }

    #[test]
    fn words_are_found_by_how_they_begin() {
        check(
            "caf",
            &expect![[r#"Some(["Meet me at the Café Müller", "cafe\u{301}s are closed"])"#]],
        );
        check("cafés", &expect![[r#"Some(["cafe\u{301}s are closed"])"#]]);
        check("cafe\u{301}s", &expect![[r#"Some(["cafe\u{301}s are closed"])"#]]);
        check("MULL meet", &expect![[r#"Some(["Meet me at the Café Müller"])"#]]);
        check("don't", &expect![[r#"Some(["I don't know that road"])"#]]);
        check("встр", &expect![[r#"Some(["встреча в пять"])"#]]);
        check("1.2", &expect![[r#"Some(["version 1.25 is out"])"#]]);
        check("nowhere", &expect!["Some([])"]);
    }

    #[test]
    fn operators_and_marks_are_only_text() {
        check("NEAR", &expect![[r#"Some(["it ends in NEAR and OR"])"#]]);
        check("road OR meet", &expect!["Some([])"]);
        check("text:road", &expect!["Some([])"]);
        check("\"road", &expect![[r#"Some(["I don't know that road"])"#]]);
        check("road\0", &expect![[r#"Some(["I don't know that road"])"#]]);
        check("^road*", &expect![[r#"Some(["I don't know that road"])"#]]);
        check("(road) -- !", &expect![[r#"Some(["I don't know that road"])"#]]);
        check(" \"' *", &expect!["None"]);
        check("", &expect!["None"]);
    }

    proptest! {
        #[test]
        fn no_text_is_a_syntax_error(text in any::<String>()) {
            let index = index(&[&text]);
            if let Some(query) = prefix_query(&text) {
                prop_assert!(look_for(&index, &query).is_ok(), "{query}");
            }
        }

        #[test]
        fn no_text_of_operators_is_a_syntax_error(text in "[\"'*^():+{} a-b\\-\u{0}]{0,40}|(NEAR|AND|OR|NOT|[ (\"])*") {
            let index = index(&["a b"]);
            if let Some(query) = prefix_query(&text) {
                prop_assert!(look_for(&index, &query).is_ok(), "{query}");
            }
        }

        #[test]
        fn a_message_is_found_by_its_own_words(
            words in proptest::collection::vec("[a-zA-Zäöéа-я0-9']{0,6}[a-zA-Zäöéа-я0-9]", 1..8),
        ) {
            let text = words.join(" ");
            let query = prefix_query(&text).unwrap();
            prop_assert_eq!(look_for(&index(&[&text]), &query).unwrap(), vec![text]);
        }
    }
}
