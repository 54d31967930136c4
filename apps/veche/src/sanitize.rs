//! Nothing that somebody else wrote may steer the terminal: no control character, nothing that
//! turns the direction of writing, reaches it.

use std::borrow::Cow;
use std::fmt::Write;

/// What stands in a line for a character that was taken out.
const REPLACEMENT: char = '\u{fffd}';

/// Whether a character could steer a terminal or show text in another order than it is.
///
/// Control characters (C0, DEL, C1), line and paragraph separators, and the marks, embeddings,
/// overrides and isolates of the bidirectional algorithm (Unicode Annex 9) with their deprecated
/// neighbours and the interlinear annotations.
pub(crate) fn is_steering(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{206f}'
                | '\u{fff9}'..='\u{fffb}'
        )
}

/// One line: whatever could steer the terminal is replaced, line breaks and tabs by a space.
pub(crate) fn line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_steering) {
        return Cow::Borrowed(text);
    }
    let safe = |character| match character {
        '\n' | '\t' => ' ',
        character if is_steering(character) => REPLACEMENT,
        character => character,
    };
    Cow::Owned(text.replace("\r\n", "\n").chars().map(safe).collect())
}

/// Text of several lines: each line after the first begins with `indent`, so that no message can
/// look like another one's line. Tabs become four spaces.
pub(crate) fn block(text: &str, indent: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\t', "    ");
    let lines: Vec<Cow<'_, str>> = text.split('\n').map(line).collect();
    lines.join(&format!("\n{indent}"))
}

/// JSON in which nothing steers a terminal: what serde leaves as it is, is written as `\uXXXX`.
/// Such characters stand only inside of strings, so the value stays the same.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    if !text.contains(is_steering) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 16);
    for character in text.chars() {
        if is_steering(character) {
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                // Writing into a string cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escape_sequences_and_overrides_lose_their_teeth() {
        assert_eq!(line("\u{1b}[31mred\u{1b}[0m"), "\u{fffd}[31mred\u{fffd}[0m");
        assert_eq!(line("invoice\u{202e}fdp.exe"), "invoice\u{fffd}fdp.exe");
        assert_eq!(
            line("c1 \u{9b}2J, bell \u{7}, del \u{7f}"),
            "c1 \u{fffd}2J, bell \u{fffd}, del \u{fffd}"
        );
        assert_eq!(line("two\nlines\tand a tab"), "two lines and a tab");
    }

    #[test]
    fn harmless_text_stays_as_it_is() {
        for text in ["plain", "Привет, вече", "שלום", "👩‍👩‍👧 family", "naïve"]
        {
            assert_eq!(line(text), text);
            assert_eq!(block(text, "  "), text);
        }
    }

    #[test]
    fn lines_of_a_message_cannot_pose_as_other_messages() {
        assert_eq!(block("a\r\nb\n\tc", "  | "), "a\n  | b\n  |     c");
    }

    /// Text with more than its share of characters that steer.
    fn nasty() -> impl Strategy<Value = String> {
        let steering = prop_oneof![
            any::<char>(),
            proptest::char::range('\u{0}', '\u{9f}'),
            proptest::char::range('\u{200b}', '\u{2070}'),
            Just('\u{61c}'),
            Just('\n'),
        ];
        proptest::collection::vec(steering, 0..60).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn nothing_that_steers_is_left(text in nasty()) {
            prop_assert!(!line(&text).contains(is_steering));
            let block = block(&text, "> ");
            prop_assert!(!block.replace('\n', "").contains(is_steering));
            prop_assert!(block.lines().skip(1).all(|line| line.starts_with("> ")));
        }

        #[test]
        fn json_is_safe_and_keeps_its_value(text in nasty()) {
            let plain = serde_json::to_string(&text).unwrap();
            let safe = json(&plain);
            prop_assert!(!safe.contains(is_steering));
            prop_assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        }
    }
}
