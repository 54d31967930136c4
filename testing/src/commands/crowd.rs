//! `veche-testing crowd`.

use super::{Options, Tally};

/// The crowd's chance is Linux's.
#[cfg(not(target_os = "linux"))]
pub(crate) fn crowd(_words: &[String]) -> Result<Tally, String> {
    Err("crowds gather on Linux only".to_owned())
}

/// Gathers a group on a server, prints its link, and does what comes on standard input, until that ends.
#[cfg(target_os = "linux")]
pub(crate) fn crowd(words: &[String]) -> Result<Tally, String> {
    use std::io::BufRead;

    use tokio::sync::mpsc;
    use veche_testing::crowd::{Wish, run};

    let options = Options::read(words, &["--server", "--title", "--members"], &[])?;
    let server = options.value("--server").ok_or("crowd needs --server ADDRESS")?;
    let members = options.value("--members").unwrap_or("1").parse();
    let wish = Wish {
        server: server.parse().map_err(|error| format!("--server: {error}"))?,
        title: options.value("--title").unwrap_or("crowd").to_owned(),
        members: members.map_err(|_| "--members needs a number")?,
    };
    let (ask, orders) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match order(&line) {
                Some(order) => drop(ask.send(order)),
                None => eprintln!("`{line}` was not understood; there is: say COUNT LAST WORDS"),
            }
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(run(&wish, orders, |line| println!("{line}")))?;
    Ok(Tally { passed: 1, failed: 0 })
}

#[cfg(target_os = "linux")]
fn order(line: &str) -> Option<veche_testing::crowd::Order> {
    use veche_testing::crowd::Order;

    let (count, last) = line.strip_prefix("say ")?.split_once(' ')?;
    Some(Order::Say(count.parse().ok()?, last.to_owned()))
}
