//! Homes that are copied, set back, or started twice.

use veche_store::{Disk, Store};

use super::actor::{Actor, Body};
use super::schedule::Who;
use super::stage::Stage;

impl Stage {
    /// Brings somebody with a copied home.
    pub(crate) fn enter_with(&mut self, name: &str, disk: Disk) -> Who {
        let who = self.cast.len();
        self.cast.push(Actor::new(name));
        self.start_on(who, disk);
        who
    }

    /// Starts somebody's program on another disk.
    pub(crate) fn start_on(&mut self, who: Who, disk: Disk) {
        self.cast[who].body = Body::Dead(disk);
        self.boot(who);
    }

    /// A copy of somebody's disk.
    pub(crate) fn copy_home(&mut self, who: Who) -> Disk {
        self.die(who);
        let Body::Dead(disk) = std::mem::replace(&mut self.cast[who].body, Body::Limbo) else {
            panic!("{} has no program", self.cast[who].name);
        };
        let store = Store::from_disk(disk).expect("a database in memory opens");
        let copy = store.copy().expect("a database in memory can be copied");
        self.boot_with(who, store);
        copy
    }
}
