//! Stories at the seam of the service: frames in, frames out, no sockets, no clock.

mod admission;
mod append;
mod blobs;
mod catch_up;
mod directory;
mod durability;
mod inbox;
mod lost_power;
mod model;
mod stage;
mod wire_shell;
