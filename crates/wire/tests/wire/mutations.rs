//! Every decoder, fed valid, mutated and random bytes.

use proptest::prelude::*;
use veche_wire::fuzz::{TARGETS, seeds};
use veche_wire::*;

#[test]
fn every_target_takes_its_own_seeds() {
    for (name, target) in TARGETS {
        let seeds = seeds(name);
        assert!(!seeds.is_empty(), "{name} has no seeds: add some to fuzz::seeds");
        seeds.iter().for_each(|seed| target(seed));
    }
}

#[test]
fn every_sample_comes_back_as_it_was() {
    fn check<T: PartialEq + std::fmt::Debug>(
        samples: Vec<(&str, T)>,
        encode: impl Fn(&T) -> Vec<u8>,
        decode: impl Fn(&[u8]) -> Result<T, DecodeError>,
    ) {
        for (name, sample) in samples {
            assert_eq!(decode(&encode(&sample)), Ok(sample), "{name}");
        }
    }
    use veche_wire::fuzz::samples;
    check(samples::client_frames(), ClientFrame::encode, ClientFrame::decode);
    check(samples::server_frames(), ServerFrame::encode, ServerFrame::decode);
    check(samples::signed_requests(), SignedRequest::encode, SignedRequest::decode);
    check(samples::entries(), Entry::encode, Entry::decode);
    check(samples::contents(), Content::encode, Content::decode);
    check(samples::certificates(), Certificate::encode, Certificate::decode);
    check(samples::credentials(), Credential::encode, Credential::decode);
    let utf8 = |bytes: &[u8]| std::str::from_utf8(bytes).unwrap().to_owned();
    check(samples::links(), |link| link.to_string().into_bytes(), |text| utf8(text).parse());
    check(samples::join_links(), |it| it.to_string().into_bytes(), |text| utf8(text).parse());
    check(samples::addresses(), |it| it.to_string().into_bytes(), |text| utf8(text).parse());
}

/// Cuts, flips, overwrites, repeats and joins, as a fuzzer does.
#[derive(Debug, Clone)]
enum Mutation {
    Flip { at: usize, bit: u8 },
    Overwrite { at: usize, with: Vec<u8> },
    Insert { at: usize, what: Vec<u8> },
    Remove { at: usize, length: usize },
    Repeat { at: usize, length: usize },
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let few = || prop::collection::vec(prop_oneof![any::<u8>(), Just(0xff), Just(0)], 1..10);
    prop_oneof![
        (any::<usize>(), 0u8..8).prop_map(|(at, bit)| Mutation::Flip { at, bit }),
        (any::<usize>(), few()).prop_map(|(at, with)| Mutation::Overwrite { at, with }),
        (any::<usize>(), few()).prop_map(|(at, what)| Mutation::Insert { at, what }),
        (any::<usize>(), 1usize..40).prop_map(|(at, length)| Mutation::Remove { at, length }),
        (any::<usize>(), 1usize..40).prop_map(|(at, length)| Mutation::Repeat { at, length }),
    ]
}

fn mutate(bytes: &mut Vec<u8>, mutation: &Mutation) {
    let place = |at: usize| at % (bytes.len() + 1);
    match mutation {
        Mutation::Flip { at, bit } => {
            let at = place(*at);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        Mutation::Overwrite { at, with } => {
            let at = place(*at);
            bytes.iter_mut().skip(at).zip(with).for_each(|(byte, new)| *byte = *new);
        }
        Mutation::Insert { at, what } => {
            let at = place(*at);
            bytes.splice(at..at, what.iter().copied());
        }
        Mutation::Remove { at, length } => {
            let at = place(*at);
            bytes.drain(at..(at + length).min(bytes.len()));
        }
        Mutation::Repeat { at, length } => {
            let at = place(*at);
            let part = bytes[at..(at + length).min(bytes.len())].to_vec();
            bytes.splice(at..at, part);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        for (_, target) in TARGETS {
            target(&bytes);
        }
    }

    #[test]
    fn mutated_encodings_never_panic(
        seed in any::<prop::sample::Index>(),
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        for (name, target) in TARGETS {
            let seeds = seeds(name);
            let mut bytes = seed.get(&seeds).clone();
            mutations.iter().for_each(|mutation| mutate(&mut bytes, mutation));
            target(&bytes);
        }
    }
}
