//! Accounts, usernames, devices and KeyPackages.

use ed25519_dalek::Signer;
use sha2::{Digest, Sha256};
use veche_wire::{
    AccountId, AccountRecord, DeviceId, DeviceRecord, NameBinding, Permit, Refused, Registration,
    Response, Who, limits,
};

use crate::service::{Fail, Reply, Station};
use crate::storage::{AccountState, InviteCode, KeyPackages};

/// The SHA-256 under which an operator's invite code is kept.
#[must_use]
pub fn hash_invite_code(code: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"veche invite code v1\0");
    hash.update(code.as_bytes());
    hash.finalize().into()
}

impl Station<'_> {
    /// Makes an account, adds a device to one, or answers as before. The certificate was checked at
    /// admission: the account's root key signed it.
    pub(crate) fn register(
        &mut self,
        device: &DeviceRecord,
        username: Option<&str>,
        permit: &Permit,
    ) -> Result<Reply, Fail> {
        let certificate = &device.certificate;
        let account = &certificate.account;
        let known = self.batch.account(account)?;
        if let Some(owner) = self.batch.owner_of_device(&certificate.device)?
            && owner != *account
        {
            return Err(Refused::Taken.into());
        }
        let new_name = self.check_name(account, known.as_ref(), username)?;
        let certified = known.as_ref().map_or(&[][..], |state| &state.devices);
        let same_device =
            certified.iter().find(|other| other.certificate.device == certificate.device);
        if same_device.is_none() && certified.len() >= limits::DEVICES_MAX {
            return Err(Refused::TooLarge { limit: limits::DEVICES_MAX as u64 }.into());
        }
        if known.is_none() {
            self.check_registration(permit)?;
        }
        if same_device != Some(device) {
            self.batch.put_device(device)?;
        }
        if let Some(name) = new_name {
            self.batch.put_name(account, name)?;
        }
        let name = new_name.or(known.as_ref().and_then(|state| state.username.as_deref()));
        let name = name.map(|name| self.bind(name, account));
        Ok(Response::Registered { name }.into())
    }

    /// The username that the account gets now, if any. A name that somebody ever had is never given
    /// to another.
    fn check_name<'a>(
        &mut self,
        account: &AccountId,
        known: Option<&AccountState>,
        username: Option<&'a str>,
    ) -> Result<Option<&'a str>, Fail> {
        let Some(username) = username else { return Ok(None) };
        match known.and_then(|state| state.username.as_deref()) {
            Some(name) if name == username => return Ok(None),
            Some(_) => return Err(Refused::Taken.into()),
            None => {}
        }
        match self.batch.owner_of_name(username)? {
            Some(owner) if owner != *account => Err(Refused::Taken.into()),
            _ => Ok(Some(username)),
        }
    }

    /// Whether a new account may be made; uses up the code where one is needed. Called last, so
    /// that a code is not used up for nothing.
    fn check_registration(&mut self, permit: &Permit) -> Result<(), Fail> {
        match (self.config.registration, permit) {
            (Registration::Open, _) => Ok(()),
            (Registration::Closed, _) => Err(Refused::RegistrationClosed.into()),
            (Registration::Invite, Permit::Open) => Err(Refused::InviteNeeded.into()),
            (Registration::Invite, Permit::Invite(text)) => {
                let hash = hash_invite_code(text);
                match self.batch.invite_code(&hash)? {
                    Some(code) if code.uses > 0 && code.until >= self.day() => {
                        let left = InviteCode { uses: code.uses - 1, ..code };
                        self.batch.put_invite_code(&hash, left)?;
                        Ok(())
                    }
                    _ => Err(Refused::InviteNeeded.into()),
                }
            }
        }
    }

    pub(crate) fn look_up(&mut self, who: &Who) -> Result<Reply, Fail> {
        let account = match who {
            Who::Account(account) => *account,
            Who::Username(name) => self.batch.owner_of_name(name)?.ok_or(Refused::NotFound)?,
        };
        let state = self.batch.account(&account)?.ok_or(Refused::NotFound)?;
        let name = state.username.map(|name| self.bind(&name, &account));
        Ok(Response::Account(AccountRecord { account, name, devices: state.devices }).into())
    }

    fn bind(&self, username: &str, account: &AccountId) -> NameBinding {
        let signed_bytes = NameBinding::signed_bytes(username, account);
        let signature = self.directory_key.sign(&signed_bytes).to_bytes();
        NameBinding { username: username.to_owned(), account: *account, signature }
    }

    pub(crate) fn publish_key_packages(
        &mut self,
        packages: KeyPackages<'_>,
    ) -> Result<Reply, Fail> {
        self.owner_of(packages.device)?;
        let left = self.batch.key_packages_left(packages.device, packages.suite)? as usize;
        if left + packages.packages.len() > limits::KEY_PACKAGES_MAX {
            return Err(Refused::TooLarge { limit: limits::KEY_PACKAGES_MAX as u64 }.into());
        }
        if !packages.packages.is_empty() || packages.last_resort.is_some() {
            self.batch.put_key_packages(packages)?;
        }
        let count = self.batch.key_packages_left(packages.device, packages.suite)?;
        Ok(Response::KeyPackagesLeft { count }.into())
    }

    pub(crate) fn take_key_package(
        &mut self,
        device: &DeviceId,
        suite: u16,
    ) -> Result<Reply, Fail> {
        let bytes = self.batch.take_key_package(device, suite)?.ok_or(Refused::NotFound)?;
        Ok(Response::KeyPackage { bytes }.into())
    }

    /// The account of a registered device.
    pub(crate) fn owner_of(&mut self, device: &DeviceId) -> Result<AccountId, Fail> {
        Ok(self.batch.owner_of_device(device)?.ok_or(Refused::NotFound)?)
    }
}
