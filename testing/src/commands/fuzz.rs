//! `veche-testing fuzz`.

use veche_testing::fuzz as fuzzer;

use super::{Options, Tally};

const MUTATIONS: u64 = 10_000;

/// Feeds the decoders.
pub(crate) fn fuzz(words: &[String]) -> Result<Tally, String> {
    let options = Options::read(words, &["--mutations", "--target"], &[])?;
    let mutations = match options.value("--mutations") {
        Some(number) => number.parse().map_err(|_| format!("`{number}` is not a number"))?,
        None => MUTATIONS,
    };
    let wanted = options.value("--target");
    let targets: Vec<_> = fuzzer::targets()
        .into_iter()
        .filter(|(name, _)| wanted.is_none_or(|wanted| wanted == *name))
        .collect();
    if targets.is_empty() {
        return Err("there is no such target".to_owned());
    }
    std::panic::set_hook(Box::new(|_| {}));
    let mut tally = Tally::default();
    for target in targets {
        let findings = fuzzer::run(target, mutations);
        tally.count(findings.is_empty());
        println!("{}: {mutations} mutations, {} panics", target.0, findings.len());
        for finding in findings.iter().take(3) {
            println!("    mutation {}: {}", finding.mutation, finding.words);
            println!("    input {}", finding.input);
        }
    }
    Ok(tally)
}
