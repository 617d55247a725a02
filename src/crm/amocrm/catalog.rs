//! What an account is made of: pipelines with their stages, and fields. Asked once, kept, and
//! asked again where something is missing in it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::Url;
use serde_json::Value;
use tokio::sync::Mutex as TaskMutex;
use tokio::time::Instant;
use tracing::{debug, warn};

use super::Amo;
use super::people::same_name;
use super::sent::{Field, FieldValue, NewField};
use super::wire::{Choice, FieldDef, Kind, Pipeline, Problem};
use crate::crm::ApplyError;
use crate::crm::remote::{Class, Fault};
use crate::rules::set::DealPlace;

/// What is missing in something older than this is looked for once more.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// The account takes no more fields in one record; one is left for the number.
const FIELDS: usize = 39;

/// Kept for good; it changes when somebody changes the account.
#[derive(Default)]
pub(super) struct Catalog {
    known: Mutex<Known>,
    /// Two who miss the same field make it once.
    making: TaskMutex<()>,
}

type Asked<T> = Option<(Instant, Arc<Vec<T>>)>;

#[derive(Default)]
struct Known {
    pipelines: Asked<Pipeline>,
    /// When a look-up asked for them.
    tried: Option<Instant>,
    fields: HashMap<Kind, (Instant, Arc<Vec<FieldDef>>)>,
}

/// Where a deal stands; what is `None` is left to amoCRM.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub pipeline: Option<i64>,
    pub stage: Option<i64>,
}

/// Fields of a record: those it has a place for, and the rest.
#[derive(Debug, Default)]
pub(super) struct Filled {
    pub given: Vec<Given>,
    pub rest: Vec<(String, String)>,
}

/// A value and its place.
#[derive(Debug)]
pub(super) struct Given {
    pub def: FieldDef,
    pub field: Field,
    /// As it was told.
    told: (String, String),
}

impl Filled {
    pub(super) fn fields(&self) -> Vec<Field> {
        self.given.iter().map(|given| given.field.clone()).collect()
    }

    /// Takes out what the account refuses, so that the rest of the record does not fail for it. A
    /// person reads it in the note. `false`: it is not about these fields.
    pub(super) fn drops(&mut self, refused: &Fault) -> bool {
        let Fault::Refused { status: 400, body, .. } = refused else { return false };
        let problem: Problem = serde_json::from_slice(body).unwrap_or_default();
        let errors = problem.validation.iter().flat_map(|invalid| &invalid.errors);
        // The contact within a deal has none but its number.
        let paths = errors.map(|error| error.path.as_str()).filter(|p| !p.contains("contacts"));
        let ours = paths.filter_map(|path| path.split_once("custom_fields_values"));
        let named = |(_, place): (&str, &str)| {
            place.split('.').find_map(|word| word.parse::<usize>().ok()).unwrap_or(usize::MAX)
        };
        let named: Vec<usize> = ours.map(named).collect();
        let all = named.contains(&usize::MAX);
        let before = self.given.len();
        for (place, given) in std::mem::take(&mut self.given).into_iter().enumerate() {
            match all || named.contains(&place) {
                true => self.rest.push(given.told),
                false => self.given.push(given),
            }
        }
        self.given.len() < before
    }
}

impl Catalog {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a stage is that of Unsorted, as far as is known.
    pub(super) fn is_unsorted(&self, stage: i64) -> bool {
        let known = self.lock();
        let pipelines = known.pipelines.iter().flat_map(|(_, pipelines)| pipelines.iter());
        pipelines.flat_map(|p| &p.tied.statuses).any(|s| s.id == stage && s.kind == 1)
    }
}

impl Amo {
    /// Sees that the stages are known, for who looks at deals. A look-up does not fail for them;
    /// and where they cannot be had, one in a while waits for them, given up or not.
    pub(super) async fn know_stages(&self, class: Class) {
        {
            let mut known = self.catalog.lock();
            if known.pipelines.is_some() || known.tried.is_some_and(|at| at.elapsed() < FRESH) {
                return;
            }
            known.tried = Some(Instant::now());
        }
        if let Err(fault) = self.ask_pipelines(class).await {
            debug!(%fault, "whose deals wait in Unsorted is not known");
        }
    }

    /// Pipelines; older ones than `age` are asked for anew.
    pub(super) async fn pipelines(&self, age: Duration) -> Result<Arc<Vec<Pipeline>>, Fault> {
        let known = self.catalog.lock().pipelines.clone();
        if let Some((at, pipelines)) = known
            && at.elapsed() < age
        {
            return Ok(pipelines);
        }
        self.ask_pipelines(Class::Delivery).await
    }

    /// The same, asked for now.
    pub(super) async fn ask_pipelines(&self, class: Class) -> Result<Arc<Vec<Pipeline>>, Fault> {
        let pipelines: Vec<Pipeline> = self.api.list(class, "api/v4/leads/pipelines", &[]).await?;
        let pipelines = Arc::new(pipelines);
        self.catalog.lock().pipelines = Some((Instant::now(), pipelines.clone()));
        Ok(pipelines)
    }

    /// A pipeline and a stage by name or id.
    pub(super) async fn place(
        &self,
        pipeline: Option<&str>,
        stage: Option<&str>,
    ) -> Result<Place, ApplyError> {
        let pipeline = pipeline.or(self.config.pipeline.as_deref());
        if pipeline.is_none() && stage.is_none() {
            return Ok(Place::default());
        }
        let mut why = String::new();
        for age in [Duration::MAX, FRESH] {
            match find_place(&self.pipelines(age).await?, pipeline, stage) {
                Ok(place) => return Ok(place),
                Err(missing) => why = missing,
            }
        }
        Err(ApplyError::Refused { why })
    }

    /// The pipeline of Unsorted entries. Its inbox must be switched on: what an account does
    /// with an entry otherwise is not known.
    pub(super) async fn inbox(&self, pipeline: Option<&str>) -> Result<Option<i64>, ApplyError> {
        let mut place = self.place(pipeline, None).await?.pipeline;
        let off = async |age: Duration| -> Result<Option<String>, Fault> {
            let pipelines = self.pipelines(age).await?;
            let found = pipelines.iter().find(|p| match place {
                Some(id) => p.id == id,
                None => p.is_main,
            });
            Ok(found.filter(|p| p.is_unsorted_on == Some(false)).map(|p| p.name.clone()))
        };
        if off(Duration::MAX).await?.is_some()
            && let Some(name) = off(FRESH).await?
        {
            let why = format!(
                "Unsorted is switched off in the pipeline {name}: switch it on in the settings of \
                 the pipeline (Неразобранное), then retry the entry"
            );
            return Err(ApplyError::Refused { why });
        }
        if place.is_none() {
            let pipelines = self.pipelines(Duration::MAX).await?;
            place = pipelines.iter().find(|p| p.is_main).map(|p| p.id);
        }
        Ok(place)
    }

    /// Whether a rule's place for deals is there.
    pub(super) async fn has_place(&self, named: &DealPlace) -> Result<(), ApplyError> {
        let (pipeline, stage) = (named.pipeline.as_deref(), named.stage.as_deref());
        match (named.inbox, stage) {
            (false, _) => self.place(pipeline, stage).await.map(drop),
            (true, None) => self.inbox(pipeline).await.map(drop),
            // An entry that is accepted stands in whatever pipeline.
            (true, Some(text)) => {
                let pipelines = self.pipelines(FRESH).await?;
                let stages = || pipelines.iter().flat_map(|p| &p.tied.statuses);
                if stages().any(|s| is(text, s.id, &s.name)) {
                    return Ok(());
                }
                let known: Vec<_> = stages().map(|s| s.name.as_str()).collect();
                let why =
                    format!("no pipeline has a stage `{text}`; they have: {}", known.join(", "));
                Err(ApplyError::Refused { why })
            }
        }
    }

    async fn fields_of(&self, kind: Kind, age: Duration) -> Result<Arc<Vec<FieldDef>>, Fault> {
        let known = self.catalog.lock().fields.get(&kind).cloned();
        if let Some((at, fields)) = known
            && at.elapsed() < age
        {
            return Ok(fields);
        }
        let path = format!("api/v4/{}/custom_fields", kind.path());
        let fields: Arc<Vec<FieldDef>> = Arc::new(self.api.all(Class::Delivery, &path, &[]).await?);
        self.catalog.lock().fields.insert(kind, (Instant::now(), fields.clone()));
        Ok(fields)
    }

    /// Values for the fields of a record: each field by its code, name or id. `brought`: what the
    /// visit or the form told.
    pub(super) async fn fill(
        &self,
        kind: Kind,
        values: &BTreeMap<String, String>,
        brought: &BTreeMap<String, String>,
    ) -> Result<Filled, Fault> {
        let mut filled = Filled::default();
        if values.is_empty() {
            return Ok(filled);
        }
        let mut known = self.fields_of(kind, Duration::MAX).await?;
        if values.keys().any(|key| find_field(&known, key).is_none()) {
            known = self.fields_of(kind, FRESH).await?;
        }
        for (key, value) in values {
            let def = match find_field(&known, key) {
                Some(field) => Some(field.clone()),
                None if self.config.create_fields.allow(key, brought.contains_key(key)) => {
                    self.make_field(kind, key).await?
                }
                None => None,
            };
            let told = (key.clone(), value.clone());
            let field = def.as_ref().and_then(|def| filled_in(def, value));
            match (def, field) {
                (Some(def), Some(field)) if filled.given.len() < FIELDS => {
                    filled.given.push(Given { def, field, told });
                }
                _ => filled.rest.push(told),
            }
        }
        Ok(filled)
    }

    /// A field by its code, name or id. `None`: the account has none.
    pub(super) async fn field_id(&self, kind: Kind, key: &str) -> Result<Option<i64>, Fault> {
        let known = self.fields_of(kind, Duration::MAX).await?;
        let id = |known: &[FieldDef]| find_field(known, key).map(|field| field.id);
        match id(&known) {
            Some(id) => Ok(Some(id)),
            None => Ok(id(&self.fields_of(kind, FRESH).await?)),
        }
    }

    /// Which of these a record has no field for.
    pub(super) async fn missing_fields<'k>(
        &self,
        kind: Kind,
        keys: &[&'k str],
    ) -> Result<Vec<&'k str>, Fault> {
        let known = self.fields_of(kind, Duration::ZERO).await?;
        Ok(keys.iter().copied().filter(|key| find_field(&known, key).is_none()).collect())
    }

    /// `None`: the account will not have it. Nothing else fails for that.
    async fn make_field(&self, kind: Kind, key: &str) -> Result<Option<FieldDef>, Fault> {
        let _making = self.catalog.making.lock().await;
        // Somebody may have been quicker.
        if let Some(there) = find_field(&self.fields_of(kind, FRESH).await?, key) {
            return Ok(Some(there.clone()));
        }
        // Codes are of letters from A to Z; without one the field is known by its name.
        let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let code = plain.then(|| key.to_uppercase());
        let path = format!("api/v4/{}/custom_fields", kind.path());
        let made = self.api.make(&path, &[NewField { name: key, kind: "text", code }]).await;
        self.catalog.lock().fields.remove(&kind);
        match made {
            Ok(made) => Ok(Some(made)),
            Err(fault @ (Fault::Refused { .. } | Fault::Forbidden(_))) => {
                warn!(field = key, of = kind.path(), %fault, "no field is made: a note tells it");
                Ok(None)
            }
            Err(fault) => Err(fault),
        }
    }
}

fn find_place(
    pipelines: &[Pipeline],
    pipeline: Option<&str>,
    stage: Option<&str>,
) -> Result<Place, String> {
    let in_use = || pipelines.iter().filter(|p| !p.is_archive);
    let names = |names: Vec<&str>| names.join(", ");
    let found = match pipeline {
        Some(text) => in_use().find(|p| is(text, p.id, &p.name)).ok_or_else(|| {
            let known = names(in_use().map(|p| p.name.as_str()).collect());
            format!("there is no pipeline `{text}`; there are: {known}")
        })?,
        None => in_use()
            .find(|p| p.is_main)
            .or_else(|| in_use().next())
            .ok_or_else(|| "the account has no pipeline".to_owned())?,
    };
    let Some(text) = stage else { return Ok(Place { pipeline: Some(found.id), stage: None }) };
    let stages = &found.tied.statuses;
    let stage = stages.iter().find(|s| is(text, s.id, &s.name)).ok_or_else(|| {
        let known = names(stages.iter().map(|s| s.name.as_str()).collect());
        format!("the pipeline {} has no stage `{text}`; it has: {known}", found.name)
    })?;
    Ok(Place { pipeline: Some(found.id), stage: Some(stage.id) })
}

fn is(text: &str, id: i64, name: &str) -> bool {
    text.trim().to_lowercase() == name.trim().to_lowercase() || text.trim().parse() == Ok(id)
}

fn find_field<'f>(fields: &'f [FieldDef], key: &str) -> Option<&'f FieldDef> {
    let by_code = |f: &&FieldDef| f.code.as_deref().is_some_and(|c| c.eq_ignore_ascii_case(key));
    fields.iter().find(by_code).or_else(|| fields.iter().find(|f| is(key, f.id, &f.name)))
}

/// `None`: a value that this type of field cannot take.
fn filled_in(field: &FieldDef, text: &str) -> Option<Field> {
    let text = text.trim();
    let value: Value = match field.kind.as_str() {
        "select" | "multiselect" | "radiobutton" => {
            let same = |choice: &&Choice| same_name(&choice.value, text);
            field.enums.iter().find(same)?.value.as_str().into()
        }
        "numeric" | "monetary" => {
            let plain = text.replace([' ', '\u{a0}'], "").replace(',', ".");
            Value::Number(plain.parse().ok()?)
        }
        "url" => Url::parse(text).ok().filter(Url::has_host).map(|_| text)?.into(),
        "checkbox" => matches!(text, "1" | "true" | "yes" | "да").into(),
        "date" | "date_time" | "birthday" => text.parse::<i64>().ok()?.into(),
        "file" | "legal_entity" | "items" | "category" | "chained_lists" | "smart_address" => {
            return None;
        }
        _ => text.into(),
    };
    let enum_code = (field.kind == "multitext").then_some("WORK");
    let value = FieldValue { value, enum_id: None, enum_code };
    Some(Field { field_id: Some(field.id), field_code: None, values: vec![value] })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipelines() -> Vec<Pipeline> {
        serde_json::from_value(serde_json::json!([
            {"id": 1, "name": "Старая", "is_main": false, "is_archive": true},
            {"id": 2, "name": "Продажи", "is_main": true, "_embedded": {"statuses": [
                {"id": 20, "name": "Неразобранное", "type": 1}, {"id": 21, "name": "Первичный контакт"}]}},
            {"id": 3, "name": "Опт", "is_main": false, "_embedded": {"statuses": [{"id": 31, "name": "Новая"}]}},
        ]))
        .unwrap()
    }

    #[test]
    fn a_pipeline_and_a_stage_are_named_or_numbered() {
        let place = |pipeline, stage| {
            find_place(&pipelines(), pipeline, stage).map(|p| (p.pipeline, p.stage))
        };
        assert_eq!(place(Some("опт"), Some("31")), Ok((Some(3), Some(31))));
        assert_eq!(place(None, Some("первичный контакт")), Ok((Some(2), Some(21))));
        assert_eq!(
            place(Some("Старая"), None).unwrap_err(),
            "there is no pipeline `Старая`; there are: Продажи, Опт"
        );
        assert_eq!(
            place(Some("Опт"), Some("Первая")).unwrap_err(),
            "the pipeline Опт has no stage `Первая`; it has: Новая"
        );
    }

    #[test]
    fn e08_a_field_is_found_by_code_name_or_id() {
        let fields: Vec<FieldDef> = serde_json::from_value(serde_json::json!([
            {"id": 5, "name": "utm_source", "code": "UTM_SOURCE", "type": "tracking_data"},
            {"id": 6, "name": "Комментарий", "code": null, "type": "textarea"},
        ]))
        .unwrap();
        for (key, id) in [("utm_source", 5), ("комментарий", 6), ("6", 6)] {
            assert_eq!(find_field(&fields, key).map(|f| f.id), Some(id), "{key}");
        }
        assert!(find_field(&fields, "utm_medium").is_none());
    }
}
