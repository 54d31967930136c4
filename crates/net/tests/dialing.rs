//! The dialer against servers on loopback: the right one, a wrong one, and things that are none.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::time::Duration;

use expect_test::expect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_async_with_config;
use veche_net::websocket::{WebSocket, configuration};
use veche_net::{DirectDialer, Route, ServerKey, SessionLink, accept, dial, limits};
use veche_wire::ServerAddress;
use veche_wire::link::{Broken, Dial, Link, NotConnected};

type ServerLink = SessionLink<WebSocket<TcpStream>>;

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn dialer(port: u16, key: &ServerKey) -> DirectDialer {
    let key = key.public();
    DirectDialer { address: ServerAddress { host: "127.0.0.1".into(), port, key } }
}

/// Takes one connection as a Veche server with this key does.
async fn serve(listener: TcpListener, key: ServerKey) -> Result<ServerLink, Broken> {
    let (stream, _) = listener.accept().await.unwrap();
    let socket = accept_async_with_config(stream, Some(configuration())).await.unwrap();
    accept(WebSocket::new(socket), &key, limits::HANDSHAKE_WITHIN).await
}

async fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.unwrap());
    }
}

/// The same with the port made constant.
fn without_port(error: NotConnected, port: u16) -> NotConnected {
    let constant = |words: String| words.replace(&port.to_string(), "PORT");
    match error {
        NotConnected::ForNow(words) => NotConnected::ForNow(constant(words)),
        NotConnected::NobodyThere(words) => NotConnected::NobodyThere(constant(words)),
        NotConnected::OtherKey(words) => NotConnected::OtherKey(constant(words)),
    }
}

/// Dials something that is no Veche server; what the user is told, with the port made constant.
async fn dial_stranger<F>(stranger: impl FnOnce(TcpStream) -> F) -> NotConnected
where
    F: Future<Output = ()> + Send + 'static,
{
    let (listener, port) = listener().await;
    let dialer = dialer(port, &ServerKey::generate().unwrap());
    let (dialled, ()) = tokio::join!(dialer.dial(), async {
        tokio::spawn(stranger(listener.accept().await.unwrap().0));
    });
    without_port(dialled.unwrap_err(), port)
}

#[tokio::test]
async fn frames_go_both_ways() {
    let (listener, port) = listener().await;
    let key = ServerKey::generate().unwrap();
    let dialer = dialer(port, &key);
    let server = tokio::spawn(async move {
        let mut link = serve(listener, key).await.unwrap();
        loop {
            let Ok(frame) = link.recv().await else { return link };
            link.send(&[b"echo", frame.as_slice()]).await.unwrap();
        }
    });

    let mut link = dialer.dial().await.unwrap();
    let long = vec![7; 300_000];
    link.send(&[b"one", &long]).await.unwrap();
    for expected in [b"echo".as_slice(), b"one", b"echo", &long] {
        assert_eq!(link.recv().await.unwrap(), expected);
    }
    link.close().await;
    assert!(server.await.unwrap().recv().await.is_err());
}

#[tokio::test]
async fn a_server_with_another_key_is_not_talked_to() {
    let (listener, port) = listener().await;
    let dialer = dialer(port, &ServerKey::generate().unwrap());
    let (dialled, served) =
        tokio::join!(dialer.dial(), serve(listener, ServerKey::generate().unwrap()));
    expect![[r#"OtherKey("the server at 127.0.0.1:PORT does not hold the key of the address, so nothing was told to it; ask its operator for the present address: the server has a new key or a newer version, or somebody poses as it")"#]]
        .assert_eq(&format!("{:?}", without_port(dialled.unwrap_err(), port)));
    expect!["the handshake failed: the client expects a server with another key"]
        .assert_eq(&served.unwrap_err().0);
}

#[tokio::test]
async fn a_closed_port_is_named() {
    let (listener, port) = listener().await;
    drop(listener);
    let broken = dialer(port, &ServerKey::generate().unwrap()).dial().await.unwrap_err();
    expect![[r#"NobodyThere("nothing listens at 127.0.0.1:PORT (connection refused); is the server running, and is the port right?")"#]]
        .assert_eq(&format!("{:?}", without_port(broken, port)));
}

#[tokio::test]
async fn a_web_server_is_told_from_a_veche_server() {
    let told = dial_stranger(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    });
    expect![[r#"NobodyThere("what answers at 127.0.0.1:PORT is not a Veche server (HTTP error: 404 Not Found); check the address")"#]]
        .assert_eq(&format!("{:?}", told.await));
}

#[tokio::test]
async fn a_busy_server_is_named() {
    let told = dial_stranger(|mut stream| async move {
        read_request(&mut stream).await;
        let busy = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(busy).await.unwrap();
    });
    expect![[r#"ForNow("the server at 127.0.0.1:PORT is busy and takes no more connections now; try again later")"#]]
        .assert_eq(&format!("{:?}", told.await));
}

#[tokio::test]
async fn a_connection_cut_before_the_proof_is_not_called_a_wrong_key() {
    let told = dial_stranger(|stream| async move {
        let socket = accept_async_with_config(stream, Some(configuration())).await.unwrap();
        drop(socket);
    });
    let NotConnected::ForNow(words) = told.await else { panic!("it may pass by itself") };
    expect![[r#"the connection to 127.0.0.1:PORT broke before the server had proved its key "#]]
        .assert_eq(words.split('(').next().unwrap());
}

#[tokio::test]
async fn a_connection_cut_while_it_is_opened_may_pass_by_itself() {
    let told = dial_stranger(|mut stream| async move {
        read_request(&mut stream).await;
        drop(stream);
    });
    let NotConnected::ForNow(words) = told.await else { panic!("it may pass by itself") };
    expect![[r#"127.0.0.1:PORT took the connection and broke it "#]]
        .assert_eq(words.split('(').next().unwrap());
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let (listener, port) = listener().await;
    let address = dialer(port, &ServerKey::generate().unwrap()).address;
    let moment = Duration::from_millis(50);
    let broken = dial::connect(&Route::direct(&address), &address.key, moment).await.unwrap_err();
    drop(listener);
    expect![[r#"ForNow("127.0.0.1:PORT did not answer within 50ms; is it a Veche server, and does the network let you reach it?")"#]]
        .assert_eq(&format!("{:?}", without_port(broken, port)));
}
