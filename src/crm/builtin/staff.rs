//! Employees in the store.

use std::collections::BTreeMap;

use sqlx::SqliteConnection;

use crate::core::ids::Extension;
use crate::core::phone::{Phone, Region};
use crate::core::staff::{Employee, Number, Status};

type Person = (String, String, Option<String>, String, Option<String>, Option<bool>);

/// All employees by id, with those who are gone. Give it a transaction: an import may commit
/// between its queries.
pub(super) async fn read(
    db: &mut SqliteConnection,
) -> Result<BTreeMap<String, Employee>, sqlx::Error> {
    let people: Vec<Person> =
        sqlx::query_as("SELECT id, name, deputy, status, leave_until, online FROM employee")
            .fetch_all(&mut *db)
            .await?;
    let numbers: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT employee, kind, number FROM employee_number ORDER BY employee, position",
    )
    .fetch_all(&mut *db)
    .await?;
    let groups: Vec<(String, String)> =
        sqlx::query_as("SELECT employee, name FROM employee_group ORDER BY employee, position")
            .fetch_all(&mut *db)
            .await?;

    let mut staff: BTreeMap<_, _> = people.into_iter().map(employee).collect();
    for (id, kind, text) in numbers {
        if let Some(employee) = staff.get_mut(&id) {
            employee.numbers.extend(number(&kind, &text));
        }
    }
    for (id, group) in groups {
        if let Some(employee) = staff.get_mut(&id) {
            employee.groups.push(group);
        }
    }
    Ok(staff)
}

fn employee((id, name, deputy, status, until, online): Person) -> (String, Employee) {
    let employee = Employee {
        id: id.as_str().into(),
        name,
        numbers: Vec::new(),
        groups: Vec::new(),
        deputy: deputy.as_deref().map(Into::into),
        status: match status.as_str() {
            "active" => Status::Active,
            "on_leave" => Status::OnLeave(until.and_then(|day| day.parse().ok())),
            _ => Status::Gone,
        },
        online,
    };
    (id, employee)
}

/// Only what was checked is ever written, so nothing is lost here.
fn number(kind: &str, text: &str) -> Option<Number> {
    match kind {
        "line" => Extension::parse(text).ok().map(Number::Line),
        _ => Phone::parse(text, Region::default()).ok().map(Number::Outside),
    }
}

/// Writes an employee anew, or over the one with his id.
pub(super) async fn write(
    db: &mut SqliteConnection,
    employee: &Employee,
) -> Result<(), sqlx::Error> {
    let id = employee.id.as_str();
    let (status, until) = match employee.status {
        Status::Active => ("active", None),
        Status::OnLeave(until) => ("on_leave", until.map(|day| day.to_string())),
        Status::Gone => ("gone", None),
    };
    sqlx::query(
        "INSERT INTO employee (id, name, deputy, status, leave_until, online) \
         VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET name = excluded.name, \
         deputy = excluded.deputy, status = excluded.status, \
         leave_until = excluded.leave_until, online = excluded.online",
    )
    .bind(id)
    .bind(&employee.name)
    .bind(employee.deputy.as_ref().map(|id| id.as_str()))
    .bind(status)
    .bind(until)
    .bind(employee.online)
    .execute(&mut *db)
    .await?;
    for old in [
        "DELETE FROM employee_number WHERE employee = ?",
        "DELETE FROM employee_group WHERE employee = ?",
    ] {
        sqlx::query(old).bind(id).execute(&mut *db).await?;
    }
    for (position, number) in (0_i64..).zip(&employee.numbers) {
        let (kind, text) = match number {
            Number::Line(extension) => ("line", extension.as_str()),
            Number::Outside(phone) => ("outside", phone.e164()),
        };
        sqlx::query(
            "INSERT INTO employee_number (employee, position, kind, number) VALUES (?, ?, ?, ?)",
        )
        .bind(id)
        .bind(position)
        .bind(kind)
        .bind(text)
        .execute(&mut *db)
        .await?;
    }
    for (position, group) in (0_i64..).zip(&employee.groups) {
        sqlx::query("INSERT INTO employee_group (employee, position, name) VALUES (?, ?, ?)")
            .bind(id)
            .bind(position)
            .bind(group)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}
