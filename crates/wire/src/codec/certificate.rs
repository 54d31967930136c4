//! Certificates and credentials: CBOR arrays that begin with their version. There is one encoding of
//! each: what does not come out of our own encoder byte by byte is refused, because the bytes are
//! signed and compared.

use minicbor::Decoder;

use super::cbor;
use crate::certificate::is_username;
use crate::{
    AccountId, Certificate, Credential, DecodeError, DeviceId, DeviceRecord, NameBinding, limits,
};

const VERSION: u64 = 1;
const LABEL: &[u8] = b"veche certificate v1\0";

pub(crate) fn certificate_signed_bytes(certificate: &Certificate) -> Vec<u8> {
    [LABEL, &write_certificate(certificate, None)].concat()
}

pub(crate) fn encode_certificate(certificate: &Certificate) -> Vec<u8> {
    write_certificate(certificate, Some(&certificate.signature))
}

pub(crate) fn decode_certificate(bytes: &[u8]) -> Result<Certificate, DecodeError> {
    check_head(bytes, "certificate")?;
    let certificate = cbor::read("certificate", || {
        let decoder = &mut Decoder::new(bytes);
        cbor::array(decoder, 7)?;
        decoder.u64()?;
        Ok(Certificate {
            account: AccountId(cbor::exact(decoder)?),
            device: DeviceId(cbor::exact(decoder)?),
            inbox_key_hash: cbor::exact(decoder)?,
            inbox_suite: decoder.u16()?,
            link_key: cbor::nullable(decoder, cbor::exact)?,
            signature: cbor::exact(decoder)?,
        })
    })?;
    if encode_certificate(&certificate) != bytes {
        return Err(DecodeError::Malformed("certificate"));
    }
    Ok(certificate)
}

pub(crate) fn encode_device_record(record: &DeviceRecord) -> Vec<u8> {
    cbor::write(|encoder| {
        encoder
            .array(3)?
            .u64(VERSION)?
            .bytes(&encode_certificate(&record.certificate))?
            .bytes(&record.inbox_key)?;
        Ok(())
    })
}

pub(crate) fn decode_device_record(bytes: &[u8]) -> Result<DeviceRecord, DecodeError> {
    check_head(bytes, "device")?;
    let (certificate, inbox_key) = cbor::read("device", || {
        let decoder = &mut Decoder::new(bytes);
        cbor::array(decoder, 3)?;
        decoder.u64()?;
        Ok((decoder.bytes()?, decoder.bytes()?.to_vec()))
    })?;
    if inbox_key.len() > limits::INBOX_KEY_BYTES_MAX {
        let limit = limits::INBOX_KEY_BYTES_MAX;
        return Err(DecodeError::TooLarge { what: "inbox key", limit });
    }
    let record = DeviceRecord { certificate: decode_certificate(certificate)?, inbox_key };
    if encode_device_record(&record) != bytes {
        return Err(DecodeError::Malformed("device"));
    }
    Ok(record)
}

pub(crate) fn encode_credential(credential: &Credential) -> Vec<u8> {
    cbor::write(|encoder| {
        encoder.array(3)?.u64(VERSION)?.bytes(&encode_certificate(&credential.certificate))?;
        match &credential.name {
            None => encoder.null()?,
            Some(name) => encoder
                .array(3)?
                .str(&name.username)?
                .bytes(name.account.as_bytes())?
                .bytes(&name.signature)?,
        };
        Ok(())
    })
}

pub(crate) fn decode_credential(bytes: &[u8]) -> Result<Credential, DecodeError> {
    check_head(bytes, "credential")?;
    let (certificate, name) = cbor::read("credential", || {
        let decoder = &mut Decoder::new(bytes);
        cbor::array(decoder, 3)?;
        decoder.u64()?;
        let certificate = decoder.bytes()?;
        let name = cbor::nullable(decoder, |decoder| {
            cbor::array(decoder, 3)?;
            Ok(NameBinding {
                username: decoder.str()?.to_owned(),
                account: AccountId(cbor::exact(decoder)?),
                signature: cbor::exact(decoder)?,
            })
        })?;
        Ok((certificate, name))
    })?;
    if name.as_ref().is_some_and(|name| !is_username(&name.username)) {
        return Err(DecodeError::Malformed("username"));
    }
    let credential = Credential { certificate: decode_certificate(certificate)?, name };
    if encode_credential(&credential) != bytes {
        return Err(DecodeError::Malformed("credential"));
    }
    Ok(credential)
}

fn write_certificate(certificate: &Certificate, signature: Option<&[u8; 64]>) -> Vec<u8> {
    cbor::write(|encoder| {
        encoder
            .array(if signature.is_some() { 7 } else { 6 })?
            .u64(VERSION)?
            .bytes(certificate.account.as_bytes())?
            .bytes(certificate.device.as_bytes())?
            .bytes(&certificate.inbox_key_hash)?
            .u16(certificate.inbox_suite)?;
        match &certificate.link_key {
            None => encoder.null()?,
            Some(link_key) => encoder.bytes(link_key)?,
        };
        if let Some(signature) = signature {
            encoder.bytes(signature)?;
        }
        Ok(())
    })
}

/// Size and version, before anything else: a later version may have any other shape.
fn check_head(bytes: &[u8], what: &'static str) -> Result<(), DecodeError> {
    if bytes.len() > limits::CERTIFICATE_BYTES_MAX {
        return Err(DecodeError::TooLarge { what, limit: limits::CERTIFICATE_BYTES_MAX });
    }
    let version = cbor::read(what, || {
        let mut decoder = Decoder::new(bytes);
        decoder.array()?;
        decoder.u64()
    })?;
    if version == VERSION { Ok(()) } else { Err(DecodeError::Version { what, version }) }
}
