//! What the server holds: people do everything that there is to do, every frame is recorded as the
//! server sees it, and then its disk and its log are searched as somebody would who was handed
//! them. Everything that must not be found is planted once, to show that it would be.

mod attack;
mod found;
mod frames;
mod session;
