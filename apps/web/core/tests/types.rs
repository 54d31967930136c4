//! The page's types are those of the worker: `src/bridge/types.ts` is made from them, and this test fails
//! where it is not. `UPDATE_EXPECT=1` writes it anew.

use std::collections::BTreeMap;

use expect_test::expect_file;
use ts_rs::{Config, TS, TypeVisitor};
use veche_web::{Answer, Ask, News, Trouble};

/// Every type that is reached, by name.
struct Reached<'config> {
    config: &'config Config,
    types: BTreeMap<String, String>,
}

impl TypeVisitor for Reached<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if T::output_path().is_some() {
            let name = T::ident(self.config);
            if self.types.contains_key(&name) {
                return;
            }
            let words = T::docs().unwrap_or_default();
            self.types.insert(name, format!("{words}export {}\n", T::decl(self.config)));
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

#[test]
fn the_pages_types_are_those_of_the_worker() {
    // No number here comes near 2^53.
    let config = Config::new().with_large_int("number");
    let mut reached = Reached { config: &config, types: BTreeMap::new() };
    reached.visit::<Ask>();
    reached.visit::<Answer>();
    reached.visit::<News>();
    reached.visit::<Trouble>();
    let head = "// Made from the types of apps/web/core by its tests (UPDATE_EXPECT=1); not to be edited.\n";
    let types: Vec<String> = reached.types.into_values().collect();
    expect_file!["../../src/bridge/types.ts"].assert_eq(&format!("{head}\n{}", types.join("\n")));
}
