use super::*;

/// Each target over its seeds, cut, changed and doubled, as the fuzzer would begin.
#[test]
fn no_target_panics() {
    for (name, target) in crate::fuzz::TARGETS {
        let mut random = named(name);
        for seed in crate::fuzz::seeds(name) {
            target(&seed);
            for _ in 0..200 {
                let mut bytes = seed.clone();
                let mut draw = [0; 8];
                random.fill(&mut draw);
                let at = usize::from(u16::from_be_bytes([draw[0], draw[1]]));
                match draw[2] % 4 {
                    0 if !bytes.is_empty() => {
                        let at = at % bytes.len();
                        bytes[at] ^= draw[3];
                    }
                    1 => bytes.truncate(at % (bytes.len() + 1)),
                    2 => bytes.insert(at % (bytes.len() + 1), draw[3]),
                    _ => bytes.extend_from_slice(&draw),
                }
                target(&bytes);
            }
        }
    }
}
