//! HTTPS: the operator's certificate, read again when its files change.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;
use veche_server::say;

/// How often it is looked whether the files have changed.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The certificate under which connections are taken.
#[derive(Clone)]
pub(crate) struct Tls {
    chain: PathBuf,
    key: PathBuf,
    acceptor: Arc<RwLock<TlsAcceptor>>,
}

/// When the two files were changed last.
type Changed = [Option<SystemTime>; 2];

impl Tls {
    /// Reads the certificate chain and its key.
    ///
    /// # Errors
    /// Where one of them cannot be read, or they do not belong together.
    pub(crate) fn open(chain: &Path, key: &Path) -> Result<Self> {
        let acceptor = Arc::new(RwLock::new(read(chain, key)?));
        Ok(Self { chain: chain.to_owned(), key: key.to_owned(), acceptor })
    }

    /// Does the handshake on a connection that begins with one.
    ///
    /// # Errors
    /// Where the client does not do its part.
    pub(crate) async fn accept(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>> {
        let acceptor = self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(acceptor.accept(stream).await?)
    }

    /// Reads the files again whenever they change, for as long as it is polled. What cannot be used is
    /// told in the log, and the certificate before it stays.
    pub(crate) async fn renew(self) {
        let mut known = self.changed();
        let mut looks = tokio::time::interval(LOOK_EVERY);
        loop {
            looks.tick().await;
            let now = self.changed();
            if now == known {
                continue;
            }
            known = now;
            match read(&self.chain, &self.key) {
                Ok(acceptor) => {
                    *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
                    say::info("the certificate was read again", &[]);
                }
                // Its two files do not change at one moment: the next look may find both.
                Err(_) => {
                    say::warn("the changed certificate cannot be used; the one before stays", &[])
                }
            }
        }
    }

    fn changed(&self) -> Changed {
        let changed = |path| fs::metadata(path).and_then(|file| file.modified()).ok();
        [changed(&self.chain), changed(&self.key)]
    }
}

fn read(chain: &Path, key: &Path) -> Result<TlsAcceptor> {
    let certificates: Vec<_> = CertificateDer::pem_file_iter(chain)
        .and_then(|items| items.collect())
        .with_context(|| format!("{} is no certificate in PEM", chain.display()))?;
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("{} is no private key in PEM", key.display()))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(certificates, private)
        .with_context(|| format!("{} and {} do not fit", chain.display(), key.display()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
