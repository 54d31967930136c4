//! Every decoder over its well-formed inputs and some mutations of them, in every test run. The
//! testing program's `fuzz` does the same with many more.

use veche_testing::fuzz;

#[test]
fn no_decoder_panics_on_mutated_input() {
    let findings: Vec<_> =
        fuzz::targets().into_iter().flat_map(|target| fuzz::run(target, 200)).collect();
    assert!(findings.is_empty(), "{findings:#?}");
}

#[test]
fn a_decoder_that_panics_is_found() {
    fn trips(bytes: &[u8]) {
        assert!(bytes.first() != Some(&0xff), "cannot bear a first byte of 255");
    }
    let findings = fuzz::run(("trips", trips), 2_000);
    let finding = findings.first().expect("one of the mutations begins with 255");
    assert!(finding.input.starts_with("ff"));
    assert!(finding.words.contains("cannot bear"));
}
