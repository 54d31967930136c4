//! `veche-testing load`.

use super::Tally;

/// Elsewhere there is no epoll and no `/proc`.
#[cfg(not(target_os = "linux"))]
pub(crate) fn load(_words: &[String]) -> Result<Tally, String> {
    Err("loads are measured on Linux only".to_owned())
}

/// Runs a load, and prints a JSON object for each server that it was put on.
#[cfg(target_os = "linux")]
pub(crate) fn load(words: &[String]) -> Result<Tally, String> {
    use veche_testing::load::{Assembly, Load, Options, run};

    let names = Load::ALL.map(Load::name).join(", ");
    let (name, words) = words.split_first().ok_or_else(|| format!("which load? {names}"))?;
    let load = Load::named(name).ok_or_else(|| format!("no load `{name}`; there are {names}"))?;
    let valued = [
        "--members",
        "--rate",
        "--seconds",
        "--seed",
        "--window",
        "--ahead",
        "--entries",
        "--of",
        "--cycles",
        "--commit",
        "--messages",
        "--texts",
        "--folder",
    ];
    let words = super::Options::read(words, &valued, &["--json", "--peers"])?;
    let number = |name: &str| match words.value(name) {
        None => Ok(None),
        Some(text) => text.parse().map(Some).map_err(|_| format!("{name} needs a number")),
    };
    let small = |name: &str| {
        let number: Option<u64> = number(name)?;
        Ok::<_, String>(number.and_then(|number| usize::try_from(number).ok()))
    };
    let mut options = Options::new(load);
    options.members = small("--members")?.unwrap_or(options.members).max(1);
    options.rate = number("--rate")?.unwrap_or(options.rate);
    options.seconds = number("--seconds")?.unwrap_or(options.seconds);
    options.seed = number("--seed")?.unwrap_or(options.seed);
    options.window = small("--window")?;
    options.ahead = number("--ahead")?;
    if let Some(text) = words.value("--entries") {
        let lengths: Result<Vec<u64>, _> = text.split(',').map(str::parse).collect();
        options.entries = lengths.map_err(|_| "--entries needs numbers, as in 10000,100000")?;
    }
    if let Some(name) = words.value("--of") {
        let load = Load::named(name).filter(|load| Load::KILLED.contains(load));
        options.of = load.ok_or("--of is fanout, pairs, drain or storm")?;
    }
    options.cycles = number("--cycles")?.unwrap_or(options.cycles);
    options.peers = words.has("--peers");
    if load == Load::Join {
        options.assembly = Assembly::of(small("--members")?.unwrap_or(300).max(1));
        let messages = small("--messages")?;
        options.assembly.messages = messages.unwrap_or(options.assembly.messages);
        options.assembly.texts = words.value("--texts").map(Into::into);
        options.assembly.folder = words.value("--folder").map(Into::into);
    }
    options.commit = words.value("--commit").map(str::to_owned);
    let mut tally = Tally::default();
    run(&options, &mut |row| {
        // What other servers lose is in their rows, and no failure of ours.
        let is_ours = row["server"] == "veched";
        tally.count(!is_ours || (row["lost"] == 0 && row["out_of_order"] == 0));
        println!("{row}");
    })?;
    Ok(tally)
}
