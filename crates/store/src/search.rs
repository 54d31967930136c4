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
/// each word becomes a quoted string, in which FTS5 knows no operators.
#[must_use]
pub fn prefix_query(text: &str) -> Option<String> {
    let words: Vec<String> = text
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .take(WORDS_MAX)
        .map(|word| format!("\"{}\"*", word.chars().take(WORD_CHARACTERS_MAX).collect::<String>()))
        .collect();
    (!words.is_empty()).then(|| words.join(" AND "))
}
