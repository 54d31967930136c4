//! Whole connections over links in memory.

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use veche_wire::link::{Broken, Link};
use veche_wire::{ClientFrame, Push, Refused, Request, Response, ServerFrame};

use super::stage::{Chat, Dice};
use crate::shell::{Handle, serve_link, start};
use crate::storage::{Engine, Memory};
use crate::{Config, Metrics, PeerId, Service};

/// One end of a connection in memory.
struct Pipe {
    sender: mpsc::Sender<Vec<u8>>,
    receiver: mpsc::Receiver<Vec<u8>>,
}

fn pipe() -> (Pipe, Pipe) {
    let (one_sender, one_receiver) = mpsc::channel(4);
    let (other_sender, other_receiver) = mpsc::channel(4);
    (
        Pipe { sender: one_sender, receiver: other_receiver },
        Pipe { sender: other_sender, receiver: one_receiver },
    )
}

impl Link for Pipe {
    async fn send(&mut self, frames: &[&[u8]]) -> Result<(), Broken> {
        for frame in frames {
            let sent = self.sender.send(frame.to_vec()).await;
            sent.map_err(|_| Broken("the other end is gone".to_owned()))?;
        }
        Ok(())
    }

    async fn recv(&mut self) -> Result<Vec<u8>, Broken> {
        self.receiver.recv().await.ok_or(Broken("the other end is gone".to_owned()))
    }
}

struct Caller {
    pipe: Pipe,
    next: u64,
    pushes: Vec<Push>,
}

impl Caller {
    async fn new(handle: &Handle) -> Self {
        let (mine, theirs) = pipe();
        let handle = handle.clone();
        let peer = PeerId::from(IpAddr::from([127, 0, 0, 1]));
        tokio::spawn(async move { serve_link(&handle, theirs, peer).await });
        let mut caller = Self { pipe: mine, next: 1, pushes: Vec::new() };
        let hello = caller.ask(Request::Hello { version: 1 }).await;
        assert!(matches!(hello, Response::Hello { .. }));
        caller
    }

    async fn ask(&mut self, request: Request) -> Response {
        let id = self.next;
        self.next += 1;
        let frame = ClientFrame { id, request }.encode();
        self.pipe.send(&[&frame]).await.unwrap();
        loop {
            match self.next_frame().await {
                ServerFrame::Answer { id: answered, response } if answered == id => {
                    return response;
                }
                ServerFrame::Answer { .. } => panic!("an answer that nobody asked for"),
                ServerFrame::Push(push) => self.pushes.push(push),
            }
        }
    }

    async fn next_frame(&mut self) -> ServerFrame {
        ServerFrame::decode(&self.pipe.recv().await.unwrap()).unwrap()
    }

    /// How many entries come, until that many have.
    async fn count_entries(&mut self, wanted: usize) -> usize {
        let count = |push: &Push| match push {
            Push::Entries { entries, .. } => entries.len(),
            other => panic!("{other:?}"),
        };
        let mut got: usize = self.pushes.drain(..).map(|push| count(&push)).sum();
        while got < wanted {
            match self.next_frame().await {
                ServerFrame::Push(push) => got += count(&push),
                other @ ServerFrame::Answer { .. } => panic!("{other:?}"),
            }
        }
        got
    }
}

fn service() -> Service<Memory> {
    Service::new(Memory::new(), Config::default(), &[1; 32], Arc::new(Metrics::default()))
}

fn chat() -> Chat {
    Chat {
        log: veche_wire::LogId([1; 16]),
        read: veche_wire::Token([2; 32]),
        write: veche_wire::Token([3; 32]),
        admin: ed25519_dalek::SigningKey::from_bytes(&[4; 32]),
        generation: 0,
    }
}

#[tokio::test]
async fn many_talk_and_a_slow_one_misses_nothing() {
    let (handle, thread) = start(service(), || 1_000_000, Dice(0)).unwrap();
    let chat = chat();
    let mut ana = Caller::new(&handle).await;
    let mut slow = Caller::new(&handle).await;
    assert_eq!(ana.ask(chat.create()).await, Response::Done);
    assert_eq!(slow.ask(chat.subscribe(0)).await, Response::Subscribed { head: 0 });

    // Four others write 200 entries of 4 kB each at once, while one reader does not read.
    let writers = (0..4u64).map(|writer| {
        let (handle, chat) = (handle.clone(), chat.clone());
        tokio::spawn(async move {
            let mut caller = Caller::new(&handle).await;
            for number in 0..200 {
                let message = chat.message(writer * 1_000 + number);
                let message = veche_wire::Append { bytes: vec![7; 4_000], ..message };
                let answer = caller.ask(Request::Append(message)).await;
                assert!(matches!(answer, Response::Appended { .. }), "{answer:?}");
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    assert_eq!(slow.count_entries(800).await, 800);
    handle.stop();
    let service = thread.join().unwrap();
    assert_eq!(service.metrics.entries_appended.value(), 800);
    assert!(service.into_engine().disk_bytes() >= 800 * 4_000);
}

#[tokio::test]
async fn what_is_no_frame_ends_the_connection_and_no_other() {
    let (handle, _thread) = start(service(), || 1_000_000, Dice(0)).unwrap();
    let mut ana = Caller::new(&handle).await;
    let mut eve = Caller::new(&handle).await;
    eve.pipe.send(&[&[0xff; 30]]).await.unwrap();
    let refused = eve.next_frame().await;
    assert!(matches!(
        refused,
        ServerFrame::Answer { id: 0, response: Response::Refused(Refused::Malformed { .. }) }
    ));
    assert!(eve.pipe.recv().await.is_err(), "closed");
    assert_eq!(ana.ask(chat().create()).await, Response::Done);
}

#[tokio::test]
async fn a_server_that_stops_closes_its_connections() {
    let (handle, thread) = start(service(), || 1_000_000, Dice(0)).unwrap();
    let mut ana = Caller::new(&handle).await;
    handle.stop();
    assert!(ana.pipe.recv().await.is_err());
    thread.join().unwrap();
    assert!(!handle.is_alive());
}
