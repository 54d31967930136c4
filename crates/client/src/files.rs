//! Files: sealed chunk by chunk on their way in, opened chunk by chunk on their way out, so that
//! memory stays flat (docs/protocol.md, "Files").

use std::io::Read;

use sha2::{Digest, Sha256};
use veche_mls::{FileOpener, FileSealer, sealed_size};
use veche_store::{BlobRow, Direction};
use veche_wire::content::{File, FileKey};
use veche_wire::{BlobId, EntryId, LogId, Random, limits};

use crate::api::StagedFile;
use crate::error::refuse;
use crate::{Client, ClientError, views};

impl Client {
    /// Seals a file of `size` bytes into the database, to be sent with [`crate::Command::Send`].
    ///
    /// # Errors
    /// `Refused` where the file is too large, its name too long, or it cannot be read as announced.
    pub fn stage_file(
        &mut self,
        name: &str,
        media_type: &str,
        size: u64,
        read: &mut dyn Read,
    ) -> Result<StagedFile, ClientError> {
        if size > limits::FILE_BYTES_MAX {
            return refuse(format!(
                "{name} has {size} bytes; a file takes {}.",
                limits::FILE_BYTES_MAX
            ));
        }
        if name.is_empty() || name.len() > limits::FILE_NAME_BYTES_MAX {
            return refuse(format!(
                "A file's name has 1 to {} bytes.",
                limits::FILE_NAME_BYTES_MAX
            ));
        }
        let mut random = self.core.random.clone();
        let blob = BlobId::random(&mut random);
        let mut key = FileKey([0; 32]);
        random.fill(&mut key.0);
        let mut sealer = FileSealer::new(&key, size);
        let mut hash = Sha256::new();
        let mut part = 0;
        while let Some(range) = sealer.next_range() {
            let length = usize::try_from(range.end - range.start).unwrap_or(0);
            let mut plain = vec![0; length];
            if let Err(error) = read.read_exact(&mut plain) {
                self.unstage(&blob)?;
                return refuse(format!("{name} could not be read to its end: {error}"));
            }
            hash.update(&plain);
            let sealed = sealer
                .seal_chunk(&plain)
                .map_err(|error| ClientError::Bug(format!("sealing a file: {error}")))?;
            self.store.write(|tx| tx.put_blob_part(&blob, part, &sealed))?;
            part += 1;
        }
        let total = sealed_size(size);
        let row = BlobRow { blob, direction: Direction::Staged, total, have: 0, intent: None };
        self.store.write(|tx| tx.put_blob(&row))?;
        Ok(StagedFile(File {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            size,
            sha256: hash.finalize().into(),
            blob,
            blob_size: total,
            key,
        }))
    }

    fn unstage(&mut self, blob: &BlobId) -> Result<(), ClientError> {
        Ok(self.store.write(|tx| tx.delete_blob(blob))?)
    }

    /// One chunk of a file that is here, numbered from 0; `None` after the last. Each chunk is
    /// checked before a byte of it is given out.
    ///
    /// # Errors
    /// `Refused` where the message has no file, it is not here, or it is damaged: then what came
    /// from the server is thrown away, to be fetched again.
    pub fn file_part(
        &mut self,
        chat: LogId,
        message: EntryId,
        index: u64,
    ) -> Result<Option<Vec<u8>>, ClientError> {
        let mut damaged = None;
        let part = self.store.read(|tx| {
            let Some(file) = views::file_of(tx, &chat, &message)? else {
                return refuse("This message has no file.");
            };
            if index >= veche_mls::file::chunk_count(file.size) {
                return Ok(None);
            }
            let row = tx.blob(&file.blob)?.filter(|row| row.direction != Direction::Down);
            let (Some(row), Some(sealed)) = (row, tx.blob_part(&file.blob, index)?) else {
                return refuse("The file is not here yet.");
            };
            match FileOpener::new(&file.key, file.size).open_chunk(index, &sealed) {
                Ok(plain) => Ok(Some(plain)),
                Err(_) => {
                    // What is still to be sent is nowhere else.
                    damaged = (row.direction == Direction::Here).then_some(file.blob);
                    refuse(
                        "The copy of the file that the server gave is damaged, so nothing of it is \
                         shown. It is fetched anew the next time; should that not help, ask its \
                         author to send it again.",
                    )
                }
            }
        });
        if let Some(blob) = damaged {
            self.store.write(|tx| Ok::<_, ClientError>(tx.delete_blob(&blob)?))?;
        }
        part
    }
}
