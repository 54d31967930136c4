//! Links over a pipe inside this process, with time that jumps: what happens on slow, silent and
//! hostile connections.
#![allow(clippy::unwrap_used, reason = "a helper that fails fails its test")]

use std::time::Duration;

use expect_test::expect;
use futures_util::future::ready;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::{self, Message};
use veche_net::traffic::Watched;
use veche_net::websocket::{WebSocket, configuration};
use veche_net::{
    Initiator, KeepAlive, Packet, Responder, ServerKey, Session, SessionLink, accept,
    accept_in_turn, limits,
};
use veche_wire::limits::FRAME_BYTES_MAX;

type PipeLink = SessionLink<WebSocket<DuplexStream>>;

const HOUR: Duration = Duration::from_secs(3600);

fn sessions() -> (Session, Session) {
    let key = ServerKey::from_bytes(&[5; 32]);
    let (initiator, first) = Initiator::new(&key.public()).unwrap();
    let (server, answer) = Responder::new(&key).unwrap().answer(&first).unwrap();
    (initiator.finish(&answer).unwrap(), server)
}

/// The two ends of an open WebSocket whose pipe holds so many bytes each way.
async fn sockets(bytes: usize) -> (WebSocket<DuplexStream>, WebSocket<DuplexStream>) {
    let (client, server) = duplex(bytes);
    let open = |pipe, role| WebSocketStream::from_raw_socket(pipe, role, Some(configuration()));
    let client = open(client, Role::Client).await;
    (WebSocket::new(client), WebSocket::new(open(server, Role::Server).await))
}

async fn links(bytes: usize) -> (PipeLink, PipeLink) {
    let (client_socket, server_socket) = sockets(bytes).await;
    let (client, server) = sessions();
    (
        SessionLink::new(client_socket, client, KeepAlive::CLIENT, "the server at a.example:1"),
        SessionLink::new(server_socket, server, KeepAlive::SERVER, "the client"),
    )
}

/// Frames that fill several messages.
fn many_frames() -> Vec<Vec<u8>> {
    (0..12u8).map(|number| vec![number; 256 << 10]).collect()
}

async fn take(link: &mut PipeLink, count: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while frames.len() < count {
        frames.push(link.next_frame().await.unwrap());
    }
    frames
}

#[tokio::test(start_paused = true)]
async fn two_sides_that_send_much_at_once_do_not_wait_for_each_other() {
    let (mut client, mut server) = links(4096).await;
    let frames = many_frames();
    let exchange = async |link: &mut PipeLink| {
        link.send_frames(&frames).await.unwrap();
        take(link, frames.len()).await
    };
    let (down, up) = tokio::join!(exchange(&mut client), exchange(&mut server));
    assert!(down == frames);
    assert!(up == frames);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_send_leaves_later_and_in_order() {
    let (mut client, mut server) = links(4096).await;
    let frames = many_frames();
    timeout(Duration::from_secs(1), client.send_frames(&frames)).await.unwrap_err();

    let (sent, received) =
        tokio::join!(client.send_frames(&[b"last"]), take(&mut server, frames.len() + 1));
    sent.unwrap();
    assert!(received[..frames.len()] == frames);
    assert_eq!(received[frames.len()], b"last");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_recv_loses_nothing() {
    let (mut client, mut server) = links(1000).await;
    let frames = many_frames();
    let sender = async {
        for frame in &frames {
            client.send_frames(std::slice::from_ref(frame)).await.unwrap();
            sleep(Duration::from_millis(7)).await;
        }
    };
    let receiver = async {
        let mut received = Vec::new();
        while received.len() < frames.len() {
            if let Ok(frame) = timeout(Duration::from_millis(3), server.next_frame()).await {
                received.push(frame.unwrap());
            }
        }
        received
    };
    let ((), received) = tokio::join!(sender, receiver);
    assert!(received == frames);
}

#[tokio::test(start_paused = true)]
async fn handshakes_take_turns_and_silence_takes_none() {
    let key = ServerKey::from_bytes(&[5; 32]);
    let turns = Semaphore::new(1);
    let within = Duration::from_secs(10);
    let (silent, server_of_silent) = sockets(4096).await;
    let (mut client, server) = sockets(4096).await;
    let (initiator, first) = Initiator::new(&key.public()).unwrap();

    let silence = accept_in_turn(server_of_silent, &key, within, &turns);
    let session = accept_in_turn(server, &key, within, &turns);
    let handshake = async {
        let somebody_else = turns.acquire().await.unwrap();
        client.send(Packet::Binary(first.into())).await.unwrap();
        timeout(Duration::from_secs(1), client.next()).await.unwrap_err();
        drop(somebody_else);
        // The silent one has been waiting for longer, and holds nothing.
        let answer = timeout(Duration::from_secs(1), client.next()).await.unwrap().unwrap();
        let Ok(Packet::Binary(answer)) = answer else { panic!("no answer: {answer:?}") };
        initiator.finish(&answer).unwrap();
        silent
    };
    let (silence, session, _silent) = tokio::join!(silence, session, handshake);
    session.unwrap();
    assert!(silence.unwrap_err().0.contains("did not begin a session within 10 seconds"));
    assert_eq!(turns.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_stays_alive() {
    let (mut client, mut server) = links(4096).await;
    let server = tokio::spawn(async move {
        timeout(HOUR, server.next_frame()).await.unwrap_err();
        server.send_frames(&[b"news"]).await.unwrap();
        server
    });
    assert_eq!(client.next_frame().await.unwrap(), b"news");
    server.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_given_up() {
    let (mut client, _server) = links(4096).await;
    let broken = timeout(HOUR, client.next_frame()).await.unwrap().unwrap_err();
    expect![
        "the server at a.example:1 has said nothing for 30 seconds; the connection is given up"
    ]
    .assert_eq(&broken.0);
    assert_eq!(client.send_frames(&[b"late"]).await.unwrap_err(), broken, "it stays broken");
}

/// Passes 1,000 bytes a second on, each way.
async fn slow_line(one: DuplexStream, other: DuplexStream) {
    async fn trickle(mut from: ReadHalf<DuplexStream>, mut to: WriteHalf<DuplexStream>) {
        let mut bytes = [0; 1000];
        while let Ok(count @ 1..) = from.read(&mut bytes).await {
            sleep(Duration::from_secs(1)).await;
            if to.write_all(&bytes[..count]).await.is_err() {
                return;
            }
        }
    }
    let (from_one, to_one) = split(one);
    let (from_other, to_other) = split(other);
    tokio::join!(trickle(from_one, to_other), trickle(from_other, to_one));
}

#[tokio::test(start_paused = true)]
async fn a_slow_line_is_not_taken_for_a_dead_one() {
    let (near, near_end) = duplex(1000);
    let (far_end, far) = duplex(1000);
    tokio::spawn(slow_line(near_end, far_end));
    let (client_session, server_session) = sessions();
    let link = async |pipe, role, session, keep_alive| {
        let pipe = Watched::new(pipe);
        let traffic = pipe.traffic();
        let socket = WebSocketStream::from_raw_socket(pipe, role, Some(configuration())).await;
        SessionLink::new(WebSocket::new(socket), session, keep_alive, "the other side")
            .watching(traffic)
    };
    let mut client = link(near, Role::Client, client_session, KeepAlive::CLIENT).await;
    let mut server = link(far, Role::Server, server_session, KeepAlive::SERVER).await;

    let frame = vec![3; FRAME_BYTES_MAX];
    let began = Instant::now();
    let sending = async {
        server.send_frames(std::slice::from_ref(&frame)).await.unwrap();
        assert_eq!(server.next_frame().await.unwrap(), b"thanks");
    };
    let receiving = async {
        assert!(client.next_frame().await.unwrap() == frame);
        client.send_frames(&["thanks"]).await.unwrap();
        assert!(timeout(Duration::from_secs(20), client.next_frame()).await.is_err());
    };
    tokio::join!(sending, receiving);
    assert!(began.elapsed() > Duration::from_secs(1000), "the line was slow");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_takes_nothing_is_given_up() {
    let (_client, mut server) = links(4096).await;
    let sent = timeout(HOUR, server.send_frames(&many_frames())).await.unwrap();
    expect![[r#"the client has taken nothing for 180 seconds; the connection is given up"#]]
        .assert_eq(&sent.unwrap_err().0);
}

#[tokio::test(start_paused = true)]
async fn frames_before_a_goodbye_arrive() {
    let (mut client, mut server) = links(4096).await;
    client.send_frames(&["one", "two"]).await.unwrap();
    let goodbye = tokio::spawn(client.close());
    assert_eq!(take(&mut server, 2).await, [b"one", b"two"]);
    let broken = server.next_frame().await.unwrap_err();
    expect!["the client has closed the connection"].assert_eq(&broken.0);
    goodbye.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_oversized_frame_is_refused_and_the_connection_goes_on() {
    let (mut client, mut server) = links(4096).await;
    let refused = client.send_frames(&[vec![0; 1], vec![0; FRAME_BYTES_MAX + 1]]).await;
    expect!["a frame is larger than the limit of 1114112"].assert_eq(&refused.unwrap_err().0);
    client.send_frames(&[b"short"]).await.unwrap();
    assert_eq!(server.next_frame().await.unwrap(), b"short");
}

#[tokio::test(start_paused = true)]
async fn a_message_from_somebody_in_between_ends_the_connection() {
    let (mut socket, server_socket) = sockets(4096).await;
    let mut server = SessionLink::new(server_socket, sessions().1, KeepAlive::SERVER, "the client");
    socket.send(Packet::Binary(vec![1; 272].into())).await.unwrap();
    let broken = server.next_frame().await.unwrap_err();
    expect![[r#"the connection to the client cannot be trusted any more: a message was changed, repeated or lost on its way"#]]
        .assert_eq(&broken.0);
}

#[tokio::test(start_paused = true)]
async fn an_oversized_message_is_not_even_received() {
    let (mut socket, server_socket) = sockets(4096).await;
    let mut server = SessionLink::new(server_socket, sessions().1, KeepAlive::SERVER, "the client");
    let flood = Packet::Binary(vec![1; limits::MESSAGE_BYTES_MAX + 1].into());
    let flooding = tokio::spawn(async move { socket.send(flood).await });
    let broken = server.next_frame().await.unwrap_err();
    expect![[r#"the connection to the client broke: Space limit exceeded: Message too long: 1147169 > 1147168"#]]
        .assert_eq(&broken.0);
    drop(server);
    assert!(flooding.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_begin_is_dropped() {
    let (_client, server) = sockets(4096).await;
    let key = ServerKey::from_bytes(&[5; 32]);
    let accepted = accept(server, &key, limits::HANDSHAKE_WITHIN);
    let refused = timeout(HOUR, accepted).await.unwrap().unwrap_err();
    expect!["the client did not begin a session within 10 seconds"].assert_eq(&refused.0);
}

/// veched's WebSocket comes from another library: two functions must be enough to carry a session.
#[tokio::test(start_paused = true)]
async fn any_websocket_is_a_socket_by_two_functions() {
    let (client_pipe, server_pipe) = duplex(4096);
    let server = WebSocketStream::from_raw_socket(server_pipe, Role::Server, None).await;
    let read = |message: Result<Message, tungstenite::Error>| {
        message.map(|message| match message {
            Message::Binary(bytes) => Packet::Binary(bytes),
            _ => Packet::Other,
        })
    };
    let write = |packet| {
        ready(match packet {
            Packet::Binary(bytes) => Ok::<_, tungstenite::Error>(Message::Binary(bytes)),
            _ => Ok(Message::Close(None)),
        })
    };
    let socket = server.map(read).with(write);
    let key = ServerKey::from_bytes(&[5; 32]);

    let client = WebSocketStream::from_raw_socket(client_pipe, Role::Client, None).await;
    let mut client = WebSocket::new(client);
    let (initiator, first) = Initiator::new(&key.public()).unwrap();
    client.send(Packet::Binary(first.into())).await.unwrap();
    let mut server = accept(socket, &key, limits::HANDSHAKE_WITHIN).await.unwrap();
    let Packet::Binary(answer) = client.next().await.unwrap().unwrap() else { panic!() };
    let session = initiator.finish(&answer).unwrap();

    let mut client = SessionLink::new(client, session, KeepAlive::CLIENT, "the server");
    client.send_frames(&["hello"]).await.unwrap();
    assert_eq!(server.next_frame().await.unwrap(), b"hello");
}
