//! `veched serve`.

use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use veche_net::ServerKey;
use veche_server::shell::{self, Handle};
use veche_server::storage::Embedded;
use veche_server::wire::ServerAddress;
use veche_server::{Metrics, Service, say};

use crate::flags::{self, Level};
use crate::listener::Door;
use crate::tls::Tls;
use crate::visit::visits;
use crate::{folder, page, system};

/// How often the service tidies up.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// How the line begins that says where the page is.
const PAGE_LINE: &str = "in a browser: ";
/// How long connections may take to send what they still have when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(2);

/// Runs the server until it is told to stop.
pub(crate) fn run(flags: flags::Serve) -> Result<()> {
    start_log(flags.log_level);
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("could not start the runtime")?
        .block_on(serve(flags))
}

/// Only our own lines, which by type name nobody; never those of the libraries.
fn start_log(level: Level) {
    let filter = EnvFilter::new(format!("off,veche_server={}", level.word()));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(std::io::stderr)
        .init();
}

async fn serve(flags: flags::Serve) -> Result<()> {
    let data = &flags.data;
    let config = flags.limits.config();
    let metrics = Arc::new(Metrics::default());
    let engine = Embedded::open(data, Arc::clone(&metrics))
        .with_context(|| format!("could not open {}", data.display()))?;
    let key = ServerKey::from_bytes(&folder::noise_key(data)?);
    let directory_key = folder::directory_key(data)?;
    let listener = bind(data, flags.listen).await?;
    let metrics_listener = match flags.metrics_listen {
        None => None,
        Some(address) => Some(
            TcpListener::bind(address)
                .await
                .with_context(|| format!("could not serve metrics at {address}"))?,
        ),
    };
    let address = public_address(&flags, listener.local_addr()?, key.public())?;
    let tls = match (&flags.tls_cert, &flags.tls_key) {
        (Some(chain), Some(key)) => Some(Tls::open(chain, key)?),
        _ => None,
    };
    let page_address = page_address(&address, tls.is_some());

    let service = Service::new(engine, config.clone(), &directory_key, metrics);
    let (handle, thread) = shell::start(service, system::now, system::SystemRandom)
        .context("could not start the service")?;
    let mut service = tokio::task::spawn_blocking(move || thread.join().map(drop));
    tokio::spawn(tidy(handle.clone()));
    if let Some(listener) = metrics_listener {
        tokio::spawn(serve_metrics(listener, handle.clone()));
    }
    if let Some(tls) = &tls {
        tokio::spawn(tls.clone().renew());
    }
    let (to_page, visits) = visits();
    let page = page::serve(visits, &address);
    let door = Arc::new(Door::new(key, handle.clone(), config, tls, to_page));
    let mut terminated = signal(SignalKind::terminate()).context("could not await SIGTERM")?;
    announce(&address, page_address.as_deref())?;
    say::info("the server runs", &[("port", &listener.local_addr()?.port())]);

    tokio::select! {
        () = door.open(listener) => {}
        () = page => {}
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        ended = &mut service => {
            return Err(match ended {
                Ok(Ok(())) => anyhow!("the service ended by itself"),
                _ => anyhow!("the service failed: this is a bug"),
            });
        }
    }
    say::info("the server stops", &[]);
    handle.stop();
    let ended = service.await;
    // What was answered leaves before the process does.
    drain(&handle).await;
    match ended {
        Ok(Ok(())) => Ok(()),
        _ => bail!("the service failed while it stopped"),
    }
}

/// Waits for the connections to send what they have, but not for long.
async fn drain(handle: &Handle) {
    let all_gone = async {
        while handle.links() > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = tokio::time::timeout(STOP_WITHIN, all_gone).await;
}

/// Listens where the operator says. Port 0 means: as at the first start.
async fn bind(data: &Path, mut address: SocketAddr) -> Result<TcpListener> {
    let picks = address.port() == 0;
    if picks {
        address.set_port(folder::port(data)?.unwrap_or(0));
    }
    let listener = TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "port {} is in use by another program; stop that, or give another port with --listen",
            address.port()
        ),
        _ => anyhow!("could not listen at {address}: {error}"),
    })?;
    if picks && address.port() == 0 {
        folder::keep_port(data, listener.local_addr()?.port())?;
    }
    Ok(listener)
}

/// What people are told.
fn public_address(flags: &flags::Serve, bound: SocketAddr, key: [u8; 32]) -> Result<ServerAddress> {
    if let Some(text) = &flags.public_address {
        let (host, port) = text
            .rsplit_once(':')
            .and_then(|(host, port)| Some((host, port.parse().ok()?)))
            .with_context(|| format!("--public-address is HOST:PORT, not {text}"))?;
        return Ok(ServerAddress { host: host.to_owned(), port, key });
    }
    let mut told = bound;
    if bound.ip().is_unspecified() {
        told.set_ip(match bound {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
        eprintln!(
            "veched: listening on all addresses; the line below names this machine only. Give \
             others its name or address, or set --public-address."
        );
    }
    let host = match told {
        SocketAddr::V4(address) => address.ip().to_string(),
        SocketAddr::V6(address) => format!("[{}]", address.ip()),
    };
    Ok(ServerAddress { host, port: told.port(), key })
}

/// Where the page is, where this server gives it: over HTTPS, or on this machine.
fn page_address(address: &ServerAddress, is_tls: bool) -> Option<String> {
    let ServerAddress { host, port, .. } = address;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_near =
        host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    match (page::is_there(), is_tls) {
        (true, true) => Some(format!("https://{host}:{port}/")),
        (true, false) if is_near => Some(format!("http://{host}:{port}/")),
        _ => None,
    }
}

/// What stands on stdout: what to type, or to open, at the other end.
fn announce(address: &ServerAddress, page: Option<&str>) -> Result<()> {
    let mut stdout = std::io::stdout();
    let page = page.map_or(String::new(), |page| format!("{PAGE_LINE}{page}\n"));
    write!(stdout, "veche register --server {address} --name NAME\n{page}")
        .and_then(|()| stdout.flush())
        .context("could not print the address")
}

async fn tidy(handle: Handle) {
    let mut ticks = tokio::time::interval(TIDY_EVERY);
    loop {
        ticks.tick().await;
        handle.tidy();
    }
}

async fn serve_metrics(listener: TcpListener, handle: Handle) {
    let health = handle.clone();
    let router = Router::new()
        .route(
            "/healthz",
            get(async move || {
                if health.is_alive() {
                    (StatusCode::OK, "ok\n")
                } else {
                    (StatusCode::SERVICE_UNAVAILABLE, "stopped\n")
                }
            }),
        )
        .route("/metrics", get(async move || handle.metrics().render()));
    // It ends only with the process.
    let _ = axum::serve(listener, router).await;
}
