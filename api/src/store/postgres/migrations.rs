//! The tables: made and brought forward when a process connects.

use deadpool_postgres::Client;

use super::trouble::Trouble;
use crate::store::StoreError;

/// One step a version; a step that was ever released is never changed.
const STEPS: &[&str] = &[include_str!("1.sql")];

/// Brings the tables up to date; of several processes one does.
pub async fn run(client: &mut Client) -> Result<(), Trouble> {
    let known = u16::try_from(STEPS.len()).unwrap_or(u16::MAX);
    let step = client.transaction().await?;
    // two that create a table at once get in each other's way even with IF NOT EXISTS
    step.batch_execute("SELECT pg_advisory_xact_lock(7305791083)").await?;
    step.batch_execute("CREATE TABLE IF NOT EXISTS secretarybird_schema (version integer NOT NULL)").await?;
    let found = step.query_opt("SELECT max(version) FROM secretarybird_schema", &[]).await?;
    let found: Option<i32> = found.and_then(|row| row.get(0));
    let found = u16::try_from(found.unwrap_or(0)).unwrap_or(u16::MAX);
    if found > known {
        return Err(Trouble::Refused(StoreError::Newer { found, known }));
    }
    for (version, sql) in (1_i32..).zip(STEPS).skip(usize::from(found)) {
        step.batch_execute(sql).await?;
        step.execute("INSERT INTO secretarybird_schema VALUES ($1)", &[&version]).await?;
    }
    step.commit().await?;
    Ok(())
}
