//! A name that a stranger gave to a file, made into one harmless component of a path.

use crate::sanitize::is_steering;

/// The longest name that is made, in bytes; leaves room for ` (123)` within the 255 of most file
/// systems.
const NAME_BYTES_MAX: usize = 200;
/// The longest extension that is kept when a name is shortened, in bytes.
const EXTENSION_BYTES_MAX: usize = 20;
/// What a file is called whose name has nothing left.
const FALLBACK: &str = "file";
/// Names that some systems keep for devices, whatever the extension.
const RESERVED: [&str; 6] = ["con", "prn", "aux", "nul", "conin$", "conout$"];

/// Makes one component of a path: no separator, no control or direction character, nothing that
/// some system reads as more than a name; not hidden, not looking like a flag, never empty.
pub(crate) fn harmless(name: &str) -> String {
    let component = name.rsplit(['/', '\\']).find(|part| !part.trim().is_empty()).unwrap_or("");
    let plain: String = component
        .chars()
        .map(|character| match character {
            ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            character if is_steering(character) => '_',
            character => character,
        })
        .collect();
    let trimmed = plain
        .trim_start_matches(|c: char| c == '.' || c == '-' || c == '~' || c.is_whitespace())
        .trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    let short = shorten(trimmed);
    if short.is_empty() {
        return FALLBACK.to_owned();
    }
    if is_reserved(&short) { format!("_{short}") } else { short }
}

/// The name with a number before its extension: `picture (2).png`.
pub(crate) fn numbered(name: &str, number: u32) -> String {
    let (stem, extension) = split(name);
    format!("{stem} ({number}){extension}")
}

fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_lowercase();
    let numbered_port = |prefix| {
        stem.strip_prefix(prefix).is_some_and(|rest| {
            rest.chars().count() == 1
                && rest.chars().all(|c| c.is_ascii_digit() || "¹²³".contains(c))
        })
    };
    RESERVED.contains(&stem.as_str()) || numbered_port("com") || numbered_port("lpt")
}

/// The part before the extension, and the extension with its dot (empty when there is none).
fn split(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= EXTENSION_BYTES_MAX => name.split_at(dot),
        _ => (name, ""),
    }
}

fn shorten(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name.to_owned();
    }
    let (stem, extension) = split(name);
    let mut end = (NAME_BYTES_MAX - extension.len()).min(stem.len());
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", stem.get(..end).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::path::{Component, Path};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_become_one_harmless_component() {
        for (given, made) in [
            ("report.pdf", "report.pdf"),
            ("Отчёт за май.pdf", "Отчёт за май.pdf"),
            ("../../etc/passwd", "passwd"),
            ("..\\..\\windows\\win.ini", "win.ini"),
            ("/absolute", "absolute"),
            ("C:\\boot.ini", "boot.ini"),
            ("dir/", "dir"),
            ("..", "file"),
            (".", "file"),
            ("", "file"),
            ("   ", "file"),
            ("/", "file"),
            (".bashrc", "bashrc"),
            ("...hidden", "hidden"),
            ("-rf", "rf"),
            ("~", "file"),
            ("trailing. . ", "trailing"),
            ("nul\0byte", "nul_byte"),
            ("bell\u{7}\u{1b}[2J", "bell__[2J"),
            ("invoice\u{202e}fdp.exe", "invoice_fdp.exe"),
            ("stream.txt:hidden", "stream.txt_hidden"),
            ("CON", "_CON"),
            ("nul.txt", "_nul.txt"),
            ("com1.log", "_com1.log"),
            ("common.log", "common.log"),
        ] {
            assert_eq!(harmless(given), made, "of {given:?}");
        }
    }

    #[test]
    fn long_names_keep_their_extension() {
        let made = harmless(&format!("{}.tar", "ж".repeat(300)));
        assert!(made.len() <= NAME_BYTES_MAX && made.ends_with("ж.tar"), "{made}");
    }

    #[test]
    fn numbers_stand_before_the_extension() {
        assert_eq!(numbered("a.png", 1), "a (1).png");
        assert_eq!(numbered("a", 2), "a (2)");
        assert_eq!(numbered("a.tar.gz", 3), "a.tar (3).gz");
    }

    proptest! {
        #[test]
        fn whatever_the_name_it_stays_in_its_folder(name in "\\PC{0,40}|[./\\\\~: a-c\u{0}-\u{1f}\u{202e}-]{0,30}") {
            let made = harmless(&name);
            let parts: Vec<_> = Path::new(&made).components().collect();
            prop_assert_eq!(parts.len(), 1);
            prop_assert!(matches!(parts[0], Component::Normal(part) if part == made.as_str()));
            prop_assert!(!made.contains(['/', '\\', '\0']) && !made.contains(is_steering));
            prop_assert!(!made.starts_with('.') && !made.starts_with('-'));
            prop_assert_eq!(harmless(&made), made);
        }
    }
}
