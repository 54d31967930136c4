//! Bringing an older database to the tables of this program.

use rusqlite::{Connection, TransactionBehavior};

use crate::StoreError;

/// Runs the `steps` that the database has not had yet, each in a transaction of its own.
///
/// The number of steps done is kept as SQLite's `user_version`. A database that has had more steps
/// than there are is refused and not touched.
pub(crate) fn migrate(connection: &mut Connection, steps: &[&str]) -> Result<(), StoreError> {
    let known = u32::try_from(steps.len()).map_err(|_| StoreError::Bug("migrations".to_owned()))?;
    let mut done = version(connection)?;
    if done > known {
        return Err(StoreError::Newer { found: done, known });
    }
    for step in steps.iter().skip(done as usize) {
        done += 1;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", done)?;
        transaction.commit()?;
    }
    Ok(())
}

/// The number of migration steps that a database has had.
pub(crate) fn version(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}
