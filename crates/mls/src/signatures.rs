//! Signatures by accounts, devices, admins and the directory: Ed25519 (RFC 8032).

use ed25519_dalek::{Signature, VerifyingKey};

/// Below so many, one by one is as fast.
const TOGETHER_MIN: usize = 8;

/// Whether `signature` over `bytes` is by `key` (Ed25519, strict: RFC 8032 without the small-order
/// keys that would verify for several messages).
#[must_use]
pub fn verify_signature(key: &[u8; 32], bytes: &[u8], signature: &[u8; 64]) -> bool {
    VerifyingKey::from_bytes(key)
        .is_ok_and(|key| key.verify_strict(bytes, &Signature::from_bytes(signature)).is_ok())
}

/// A signature, and what it is to be checked against.
pub(crate) struct Signed<'a> {
    pub(crate) key: &'a [u8; 32],
    pub(crate) bytes: Vec<u8>,
    pub(crate) signature: &'a [u8; 64],
}

impl Signed<'_> {
    fn is_good(&self) -> bool {
        verify_signature(self.key, &self.bytes, self.signature)
    }
}

/// Which of many signatures are good. Checked together they take less time; only where that
/// fails is each checked alone (docs/decisions/0019). No verdict on a commit may come of it.
pub(crate) fn verify_together(all: &[Signed<'_>]) -> Vec<bool> {
    if all.len() >= TOGETHER_MIN && are_good(all) == Some(true) {
        return vec![true; all.len()];
    }
    all.iter().map(Signed::is_good).collect()
}

/// `None` where a key is none, or is one that anybody could sign for.
fn are_good(all: &[Signed<'_>]) -> Option<bool> {
    let mut keys: Vec<VerifyingKey> = Vec::with_capacity(all.len());
    for signed in all {
        // Names are all signed by one key.
        let key = match keys.last().filter(|last| last.as_bytes() == signed.key) {
            Some(last) => *last,
            None => VerifyingKey::from_bytes(signed.key).ok().filter(|key| !key.is_weak())?,
        };
        keys.push(key);
    }
    let bytes: Vec<&[u8]> = all.iter().map(|signed| signed.bytes.as_slice()).collect();
    let signatures: Vec<Signature> =
        all.iter().map(|signed| Signature::from_bytes(signed.signature)).collect();
    Some(ed25519_dalek::verify_batch(&bytes, &signatures, &keys).is_ok())
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signer as _, SigningKey};

    use super::*;

    struct Made {
        key: [u8; 32],
        bytes: Vec<u8>,
        signature: [u8; 64],
    }

    fn made(count: u8) -> Vec<Made> {
        (1..=count)
            .map(|number| {
                let key = SigningKey::from_bytes(&[number; 32]);
                let bytes = vec![number; 40];
                let signature = key.sign(&bytes).to_bytes();
                Made { key: key.verifying_key().to_bytes(), bytes, signature }
            })
            .collect()
    }

    fn verify(made: &[Made]) -> Vec<bool> {
        let signed = made.iter().map(|Made { key, bytes, signature }| Signed {
            key,
            bytes: bytes.clone(),
            signature,
        });
        verify_together(&signed.collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_good_is_found_among_many() {
        for count in [0, 1, 7, 8, 100] {
            assert_eq!(verify(&made(count)), vec![true; count.into()]);
        }
        let spoil: [fn(&mut Made); 4] = [
            |made| made.bytes[3] ^= 1,
            |made| made.signature[0] ^= 1,
            // Not a number below the order of the group.
            |made| made.signature[63] |= 0xE0,
            |made| made.key = [0xFF; 32],
        ];
        for spoil in spoil {
            for place in [0, 17, 99] {
                let mut made = made(100);
                spoil(&mut made[place]);
                let found = verify(&made);
                let bad: Vec<usize> = (0..100).filter(|at| !found[*at]).collect();
                assert_eq!(bad, vec![place]);
            }
        }
    }

    #[test]
    fn signatures_that_are_good_for_each_other_are_not_good() {
        let mut made = made(100);
        let first = made[0].signature;
        made[0].signature = made[1].signature;
        made[1].signature = first;
        let found = verify(&made);
        assert_eq!((found[0], found[1], found[2]), (false, false, true));
    }

    #[test]
    fn a_key_that_anybody_could_sign_for_signs_nothing() {
        // The neutral point: S = 0 and R = the neutral point satisfy the equation for all messages.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signature = [0; 64];
        signature[0] = 1;
        let mut made = made(100);
        made[50] = Made { key: neutral, bytes: b"anything".to_vec(), signature };
        let found = verify(&made);
        assert!(!found[50] && found[49]);
        // Without the look at the key they would pass.
        let key = VerifyingKey::from_bytes(&neutral).unwrap();
        let signature = Signature::from_bytes(&signature);
        assert!(ed25519_dalek::verify_batch(&[b"anything"], &[signature], &[key]).is_ok());
    }
}
