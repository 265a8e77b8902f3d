//! From what a PET file says about dose, decay and body to SUV, as the vendor-neutral pseudo-code
//! of QIBA has it.

use dicom_core::Tag;
use dicom_object::InMemDicomObject;

use super::{
    super::measure::{SuvKind, Uptake},
    moment::{Moment, time_of_day},
    object::{items_of, number_of, private, text, texts},
};

const SECONDS_OF_A_DAY: f64 = 86_400.0;
/// A smaller dose was not written in becquerel.
const LEAST_DOSE: f64 = 1e4;

/// SUV of one kind are values times this.
struct Base {
    kind: SuvKind,
    factor: f64,
}

/// How SUV come of modality values; none where the file is no PET picture.
pub(super) fn uptake(object: &InMemDicomObject) -> Option<Uptake> {
    if text(object, Tag(0x0008, 0x0060)).as_deref() != Some("PT") {
        return None;
    }
    let base = base(object);
    let factor = |kind: SuvKind| -> Result<f64, String> {
        let base = base.as_ref().map_err(Clone::clone)?;
        if kind == base.kind {
            return Ok(base.factor);
        }
        Ok(base.factor * size(object, kind)? / size(object, base.kind)?)
    };
    Some(Uptake {
        body_weight: factor(SuvKind::BodyWeight),
        lean_body_mass: factor(SuvKind::LeanBodyMass),
        body_surface: factor(SuvKind::BodySurface),
    })
}

/// Unit of the values by their defined term; as the file has it where it is another.
pub(super) fn unit(object: &InMemDicomObject) -> Option<String> {
    let units = units(object)?;
    Some(match units.as_str() {
        "BQML" => "Bq/ml".to_owned(),
        "CNTS" => "counts".to_owned(),
        "CPS" => "counts/s".to_owned(),
        "GML" => "g/ml".to_owned(),
        "CM2ML" => "cm²/ml".to_owned(),
        _ => units,
    })
}

fn units(object: &InMemDicomObject) -> Option<String> {
    let is_word = |term: &String| {
        term.len() <= 16 && term.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    text(object, Tag(0x0054, 0x1001)).filter(is_word)
}

fn missing(what: &str) -> String {
    format!("the file does not say its {what}")
}

fn base(object: &InMemDicomObject) -> Result<Base, String> {
    let units = units(object).ok_or_else(|| missing("Units"))?;
    match units.as_str() {
        "BQML" => of_activity(object, 1.0),
        "GML" => match text(object, Tag(0x0054, 0x1006)).as_deref() {
            None | Some("BW") => Ok(Base { kind: SuvKind::BodyWeight, factor: 1.0 }),
            Some("LBM" | "LBMJAMES128") => Ok(Base { kind: SuvKind::LeanBodyMass, factor: 1.0 }),
            Some(_) => {
                Err("its values are SUV already, by a measure this program does not know"
                    .to_owned())
            }
        },
        "CM2ML" => Ok(Base { kind: SuvKind::BodySurface, factor: 1.0 }),
        "CNTS" => of_counts(object),
        other => Err(format!("its values are in {other}, which does not lead to SUV")),
    }
}

/// Counts of Philips have a factor of their own.
fn of_counts(object: &InMemDicomObject) -> Result<Base, String> {
    let philips = |element: u8| {
        let holder = private(object, 0x7053, "Philips PET Private Group", element);
        holder.and_then(|tag| number_of(object, tag)).filter(|factor| *factor > 0.0)
    };
    if let Some(factor) = philips(0x00) {
        check_corrections(object)?;
        return Ok(Base { kind: SuvKind::BodyWeight, factor });
    }
    let factor = philips(0x09);
    let factor = factor.ok_or("its values are counts without a factor that leads to SUV")?;
    of_activity(object, factor)
}

/// `per_value` becquerel a millilitre are a value of 1.
fn of_activity(object: &InMemDicomObject, per_value: f64) -> Result<Base, String> {
    check_corrections(object)?;
    let weight = size(object, SuvKind::BodyWeight)?;
    Ok(Base { kind: SuvKind::BodyWeight, factor: per_value * weight / decayed_dose(object)? })
}

/// Values have to be corrected for attenuation and for decay.
fn check_corrections(object: &InMemDicomObject) -> Result<(), String> {
    let corrected = texts(object, Tag(0x0028, 0x0051));
    if corrected.is_empty() {
        return Err(missing("Corrected Image"));
    }
    let is_corrected = |terms: &[&str]| corrected.iter().any(|term| terms.contains(&term.as_str()));
    if !is_corrected(&["ATTN"]) {
        return Err("its values are not corrected for attenuation".to_owned());
    }
    // the standard's term, and the one that is written often
    if !is_corrected(&["DECY", "DECAY"]) {
        return Err("its values are not corrected for decay".to_owned());
    }
    Ok(())
}

/// Becquerel that were left of the dose at the moment values are corrected to.
fn decayed_dose(object: &InMemDicomObject) -> Result<f64, String> {
    let drug = match items_of(object, Tag(0x0054, 0x0016)) {
        [one] => one,
        [] => return Err(missing("Radiopharmaceutical Information")),
        _ => return Err("more than one radiopharmaceutical was given".to_owned()),
    };
    let positive = |element: u16, name: &str| {
        let value = number_of(drug, Tag(0x0018, element)).filter(|value| *value > 0.0);
        value.ok_or_else(|| missing(name))
    };
    let dose = positive(0x1074, "Radionuclide Total Dose")?;
    if dose < LEAST_DOSE {
        return Err(format!("a Radionuclide Total Dose of {dose} Bq can't be right"));
    }
    let half_life = positive(0x1075, "Radionuclide Half Life")?;
    match text(object, Tag(0x0054, 0x1102)).as_deref() {
        Some("ADMIN") => Ok(dose),
        Some("START") => {
            let elapsed = seconds_since_injection(object, drug, half_life)?;
            Ok(dose * (-elapsed / half_life).exp2())
        }
        Some("NONE") => Err("its values are not corrected for decay".to_owned()),
        _ => Err(missing("Decay Correction")),
    }
}

fn seconds_since_injection(
    object: &InMemDicomObject,
    drug: &InMemDicomObject,
    half_life: f64,
) -> Result<f64, String> {
    let scan = scan_start(object, half_life)?;
    let begun = text(drug, Tag(0x0018, 0x1078)).and_then(|text| Moment::of_date_time(&text));
    if let Some(begun) = begun {
        return if scan.since(begun) >= 0.0 {
            Ok(scan.since(begun))
        } else {
            Err("the dose was given after the scan, by the file's clocks".to_owned())
        };
    }
    let time = text(drug, Tag(0x0018, 0x1072)).and_then(|text| time_of_day(&text));
    let time = time.ok_or_else(|| missing("Radiopharmaceutical Start Time"))?;
    // the time alone: of the same day, or of the one before where the scan is after midnight
    Ok(scan.since(scan.at(time)).rem_euclid(SECONDS_OF_A_DAY))
}

/// The moment values are corrected to: Series Time, unless the series was made later of others.
fn scan_start(object: &InMemDicomObject, half_life: f64) -> Result<Moment, String> {
    let moment = |date: u16, time: u16, name: &str| {
        let part = |element: u16| text(object, Tag(0x0008, element));
        let both = part(date).zip(part(time));
        both.and_then(|(date, time)| Moment::of(&date, &time)).ok_or_else(|| missing(name))
    };
    let series = moment(0x0021, 0x0031, "Series Date and Time")?;
    let acquired = moment(0x0022, 0x0032, "Acquisition Date and Time")?;
    if series.since(acquired) <= 0.0 {
        return Ok(series);
    }
    let ge = private(object, 0x0009, "GEMS_PETD_01", 0x0D);
    if let Some(scan) =
        ge.and_then(|tag| text(object, tag)).and_then(|text| Moment::of_date_time(&text))
    {
        return Ok(scan);
    }
    let seconds = |tag: Tag| number_of(object, tag).filter(|ms| *ms > 0.0).map(|ms| ms / 1000.0);
    let reference = seconds(Tag(0x0054, 0x1300));
    let Some((reference, frame)) = reference.zip(seconds(Tag(0x0018, 0x1242))) else {
        return Err(
            "the series was made after the scan, and the file does not say when that began"
                .to_owned(),
        );
    };
    let decay = std::f64::consts::LN_2 / half_life;
    // when the activity is as its mean over the frame
    let mean = (decay * frame / -(-decay * frame).exp_m1()).ln() / decay;
    Ok(acquired.after(mean - reference))
}

/// Grams or square centimetres of the patient.
fn size(object: &InMemDicomObject, kind: SuvKind) -> Result<f64, String> {
    let of = |element: u16, name: &str, range: std::ops::RangeInclusive<f64>| {
        let value = number_of(object, Tag(0x0010, element)).filter(|value| *value > 0.0);
        let value = value.ok_or_else(|| missing(name))?;
        if range.contains(&value) { Ok(value) } else { Err(format!("its {name} can't be right")) }
    };
    let kilograms = of(0x1030, "Patient's Weight", 0.01..=700.0)?;
    if kind == SuvKind::BodyWeight {
        return Ok(kilograms * 1000.0);
    }
    let centimetres = of(0x1020, "Patient's Size", 0.2..=2.8)? * 100.0;
    if kind == SuvKind::BodySurface {
        return Ok(0.007_184 * kilograms.powf(0.425) * centimetres.powf(0.725) * 10_000.0);
    }
    let share = (kilograms / centimetres).powi(2);
    let lean = match text(object, Tag(0x0010, 0x0040)).as_deref() {
        Some("M") => 1.10 * kilograms - 128.0 * share,
        Some("F") => 1.07 * kilograms - 148.0 * share,
        _ => return Err(missing("Patient's Sex")),
    };
    let is_right = lean > 0.0 && lean <= kilograms;
    is_right.then_some(lean * 1000.0).ok_or_else(|| {
        "the formula of lean body mass does not hold for such a height and weight".to_owned()
    })
}
