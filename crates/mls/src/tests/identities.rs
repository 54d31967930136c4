use ed25519_dalek::{Signer as _, SigningKey};
use veche_wire::content::DisplayName;
use veche_wire::{BlobId, NameBinding};

use super::*;
use crate::policy::ChatKind;

#[test]
fn a_phrase_is_read_as_people_type_it() {
    let phrase = Phrase::generate(&mut named("phrase"));
    assert_eq!(phrase.words().split(' ').count(), 12);
    let typed = format!("  {}\n", phrase.words().to_uppercase().replace(' ', "   "));
    let read = Phrase::parse(&typed).unwrap();
    assert_eq!(read.words(), phrase.words());
    assert_eq!(read.account_key().account(), phrase.account_key().account());
    assert_eq!(format!("{phrase:?}"), "Phrase(…)");

    assert_eq!(Phrase::parse("one two").unwrap_err(), PhraseError::Length);
    let wrong = phrase.words().replacen(' ', " xyzzy ", 1).rsplit_once(' ').unwrap().0.to_owned();
    assert_eq!(Phrase::parse(&wrong).unwrap_err(), PhraseError::Word(2));
    let words = ["abandon"; 12].join(" ");
    assert_eq!(Phrase::parse(&words).unwrap_err(), PhraseError::Checksum);
}

#[test]
fn an_identity_reads_back_and_a_foreign_certificate_does_not_fit() {
    let engine = engine("identity");
    let ana = identity(&engine, "ana");
    let bytes = ana.encode();
    let again = Identity::decode(&bytes).unwrap();
    assert_eq!(again.credential, ana.credential);
    assert_eq!(again.sign(b"x"), ana.sign(b"x"));
    assert!(verify_signature(ana.device().as_bytes(), b"x", &again.sign(b"x")));
    assert!(!verify_signature(ana.device().as_bytes(), b"y", &again.sign(b"x")));
    assert!(!format!("{ana:?}").contains("secret"));

    let bo = identity(&engine, "bo");
    let keys = DeviceKeys::generate(&engine);
    assert!(Identity::new(bo.credential.certificate.clone(), keys).is_err());
    let mut forged = ana.credential.certificate.clone();
    assert!(verify_certificate(&forged));
    forged.account = bo.account();
    assert!(!verify_certificate(&forged));
}

#[test]
fn a_name_is_the_directory_s_word() {
    let directory = SigningKey::from_bytes(&[5; 32]);
    let engine = engine("names");
    let ana = identity(&engine, "ana");
    let account = ana.account();
    let signature = directory.sign(&NameBinding::signed_bytes("ana", &account)).to_bytes();
    let name = NameBinding { username: "ana".to_owned(), account, signature };
    let key = directory.verifying_key().to_bytes();
    assert!(verify_name(&name, &key, &account));
    assert!(!verify_name(&name, &[6; 32], &account));
    assert!(!verify_name(&name, &key, &identity(&engine, "bo").account()));
    let other = NameBinding { username: "bob".to_owned(), ..name.clone() };
    assert!(!verify_name(&other, &key, &account));
    let ana = ana.with_name(name);
    assert_eq!(Identity::decode(&ana.encode()).unwrap().username(), Some("ana"));
}

fn invitation() -> Envelope {
    Envelope::Invitation(Box::new(Invitation {
        log: LogId([1; 16]),
        suite: Suite::PostQuantum,
        kind: ChatKind::Direct,
        title: String::new(),
        welcome: vec![2; 2_000],
        tree: BlobRef { blob: BlobId([3; 32]), key: [4; 32], size: 5, sha256: [6; 32] },
        commit: EntryId([7; 16]),
        commit_seq: 8,
        transcript: [9; 32],
        generation: 10,
        generation_secret: GenerationSecret::from_bytes([11; 32]),
        display_name: Some(DisplayName { since: 12, text: "Ana Petrović".to_owned() }),
    }))
}

#[test]
fn an_envelope_opens_only_for_its_device_and_names_its_sender() {
    let engine = engine("envelopes");
    let [ana, bo, cy] = ["ana", "bo", "cy"].map(|name| identity(&engine, name));
    let sealed = seal_envelope(&engine, &ana, &bo.record(), &invitation()).unwrap();
    let (sender, opened) = open_envelope(&engine, &bo, &sealed).unwrap();
    assert_eq!(sender, ana.credential);
    assert_eq!(opened, invitation());
    assert_eq!(open_envelope(&engine, &cy, &sealed).unwrap_err(), EnvelopeError::NotForThisDevice);
    for at in (0..sealed.len()).step_by(97) {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(open_envelope(&engine, &bo, &changed).is_err(), "byte {at}");
    }
    // Bo cannot pass Ana's envelope on as if she had sent it to Cy: her signature names Bo.
    let request = Envelope::Readmit(ReadmitRequest::new(&ana, LogId([1; 16]), vec![1; 100]));
    let sealed = seal_envelope(&engine, &ana, &bo.record(), &request).unwrap();
    assert_eq!(open_envelope(&engine, &bo, &sealed).unwrap().1, request);
    let gone = Envelope::Gone(Gone { log: LogId([1; 16]), request: [2; 32] });
    let sealed = seal_envelope(&engine, &ana, &bo.record(), &gone).unwrap();
    assert_eq!(open_envelope(&engine, &bo, &sealed).unwrap(), (ana.credential.clone(), gone));
}

#[test]
fn a_too_large_envelope_is_refused() {
    let engine = engine("large");
    let [ana, bo] = ["ana", "bo"].map(|name| identity(&engine, name));
    let Envelope::Invitation(mut invitation) = invitation() else { panic!() };
    invitation.welcome = vec![0; veche_wire::limits::INBOX_BYTES_MAX];
    let sealed = seal_envelope(&engine, &ana, &bo.record(), &Envelope::Invitation(invitation));
    assert_eq!(sealed.unwrap_err(), EnvelopeError::TooLarge);
}
