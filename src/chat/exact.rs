//! JSON that gives back every number as it was.
//!
//! The parser of JSON is off by one in the last digit of some long numbers. Those few are written
//! as `{"exact": "0.1234…"}` and parsed with care.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

const EXACT: &str = "exact";

/// A value whose text reads back as the very same value.
pub(crate) fn to_exact<T: Serialize>(value: &T) -> serde_json::Result<Value> {
    let mut json = serde_json::to_value(value)?;
    change(&mut json, &|value| {
        let number = value.as_f64().filter(|_| value.is_f64())?;
        let text = number.to_string();
        let read: Option<f64> = serde_json::from_str(&value.to_string()).ok();
        (read != Some(number)).then(|| Value::Object(Map::from_iter([(EXACT.into(), text.into())])))
    });
    Ok(json)
}

/// What [`to_exact`] was given.
pub(crate) fn from_exact<T: DeserializeOwned>(mut json: Value) -> serde_json::Result<T> {
    change(&mut json, &|value| {
        let map = value.as_object().filter(|map| map.len() == 1)?;
        let number = map.get(EXACT)?.as_str()?.parse().ok()?;
        Some(Value::Number(Number::from_f64(number)?))
    });
    serde_json::from_value(json)
}

/// Replaces what `new` has something for, from the outside in.
fn change(value: &mut Value, new: &impl Fn(&Value) -> Option<Value>) {
    if let Some(changed) = new(value) {
        *value = changed;
        return;
    }
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| change(value, new)),
        Value::Object(map) => map.values_mut().for_each(|value| change(value, new)),
        _ => {}
    }
}
