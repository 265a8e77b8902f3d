//! `bench --history N`: how long a history of many chats takes.

use std::io::{Write as _, stdout};
use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use serde::Serialize;

use crate::chat::history::{Database, Query};
use crate::chat::{Answer, AnswerState, Conversation, Evidence, Finish, Marks, Provenance};
use crate::imaging::{Channels, DisplayImage, Grayscale, Turned, VoiLut, alias};

const TURNS: usize = 20;
/// Studies that the chats are about; each has one picture.
const STUDIES: u32 = 200;
/// Chats written in one go.
const AT_ONCE: u32 = 500;
const RUNS: usize = 5;
/// Chats opened one after the other.
const OPENED: usize = 50;

const WORDS: [&str; 24] = [
    "axial",
    "slice",
    "shows",
    "liver",
    "spleen",
    "kidney",
    "nodule",
    "lung",
    "left",
    "right",
    "upper",
    "lower",
    "lobe",
    "effusion",
    "contrast",
    "enhancement",
    "normal",
    "bone",
    "window",
    "heart",
    "size",
    "within",
    "limits",
    "结节",
];
/// Rare, common, two words, Chinese, filtered.
const SEARCHES: [&str; 6] =
    ["needle", "nodule", "liver effusion", "结节", "model:7B spleen", "study:7 modality:CT"];

/// What is printed; milliseconds.
#[derive(Serialize)]
struct Figures {
    chats: u32,
    questions: usize,
    megabytes: f64,
    write_ms: f64,
    /// Opening the database and reading the list of all chats.
    start_ms: f64,
    /// One more turn in one chat.
    save_ms: f64,
    /// Opening one chat, the median.
    open_chat_ms: f64,
    search: Vec<Search>,
}

#[derive(Serialize)]
struct Search {
    typed: &'static str,
    found: usize,
    ms: f64,
}

/// Makes a history in a folder that is removed again, and measures it.
pub(super) fn run(chats: u32, json: bool) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("no folder for the history could be made")?;
    let figures = measured(folder.path(), chats)?;
    let mut out = stdout().lock();
    if !json {
        write_table(&mut out, &figures)?;
    }
    serde_json::to_writer(&mut out, &figures)?;
    writeln!(out)?;
    Ok(())
}

fn measured(folder: &Path, chats: u32) -> anyhow::Result<Figures> {
    let mut random = 1;
    let began = Instant::now();
    let mut database = Database::open(folder)?;
    for first in (0..chats).step_by(AT_ONCE as usize) {
        let numbers = first..chats.min(first + AT_ONCE);
        database.save_all(numbers.map(|number| made_up(number, &mut random)))?;
    }
    let write_ms = ms(began);
    drop(database);

    let start_ms = median(|| {
        let began = Instant::now();
        let listed = Database::open(folder)?.list()?.len();
        anyhow::ensure!(listed == chats as usize, "{listed} chats are listed");
        Ok(ms(began))
    })?;
    let mut database = Database::open(folder)?;
    let list = database.list()?;
    let step = (list.len() / OPENED).max(1);
    let mut opened: Vec<f64> = Vec::new();
    for chat in list.iter().step_by(step) {
        let began = Instant::now();
        database.load(chat.id)?;
        opened.push(ms(began));
    }
    let mut search = Vec::new();
    for typed in SEARCHES {
        let mut found = 0;
        let took = median(|| {
            let began = Instant::now();
            found = database.search(&Query::parse(typed))?.len();
            Ok(ms(began))
        })?;
        search.push(Search { typed, found, ms: took });
    }
    let before = made_up(0, &mut random);
    database.save(&before, None)?;
    let mut after = before.clone();
    add_turn(&mut after, 0, &mut random);
    let began = Instant::now();
    database.save(&after, Some(&before))?;
    let save_ms = ms(began);
    let bytes: u64 = std::fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.metadata().ok()?.len()))
        .sum();
    Ok(Figures {
        chats,
        questions: chats as usize * TURNS,
        megabytes: bytes as f64 / 1e6,
        write_ms,
        start_ms,
        save_ms,
        open_chat_ms: middle(opened),
        search,
    })
}

fn made_up(number: u32, random: &mut u64) -> Conversation {
    let mut chat = Conversation::begin();
    // a chat an hour
    chat.created_ms = chat.created_ms.saturating_sub(u64::from(number) * 3_600_000);
    let changed_ms = chat.created_ms;
    for turn in 0..TURNS {
        add_turn(&mut chat, turn, random);
    }
    if let Some(first) = chat.turns.first_mut() {
        first.evidence = vec![evidence(number % STUDIES)];
    }
    chat.changed_ms = changed_ms;
    if number == 3
        && let Some(answer) = chat.turns.last_mut().and_then(|turn| turn.answers.last_mut())
    {
        answer.text.push_str(" needle");
    }
    chat
}

/// A slice of a study.
fn evidence(study: u32) -> Evidence {
    let side: u32 = 256;
    let level = |at: u32| ((at / side + at % side) * (study % 7 + 1) + study) as u8;
    let image = DisplayImage {
        width: side,
        height: side,
        channels: Channels::Gray,
        pixels: (0..side * side).map(level).collect(),
    };
    let mark = |kind: char| format!("{kind}{study:031x}");
    let evidence = Evidence {
        frame_ref: None,
        marks: Some(Marks { study: mark('1'), series: mark('2'), frame: mark('3') }),
        alias: alias(study as usize + 1),
        modality: "CT".to_owned(),
        grayscale: Grayscale { voi_lut: VoiLut::Range { min: 0.0, max: 255.0 }, inverted: false },
        turned: Turned::default(),
        study_key: String::new(),
        series_key: String::new(),
        frame_idx: 0,
        num_frames: 1,
        label: "CT · full range".to_owned(),
        altered: None,
        image: None,
        thumbnail: None,
        image_sha256: image.sha256(),
    };
    evidence.with_image(Some(image))
}

fn add_turn(chat: &mut Conversation, turn: usize, random: &mut u64) {
    let turn_idx = chat.ask(format!("{} {turn}?", words(8, random)), Vec::new());
    if let Some(answer) = chat.answer_mut(turn_idx, 0) {
        *answer = Answer {
            text: words(80, random),
            state: AnswerState::Done(Finish::Stop),
            provenance: Some(Provenance {
                model: "huatuo".to_owned(),
                title: "HuatuoGPT-Vision 7B".to_owned(),
                weights_sha256: "0".repeat(64),
                precision: "q8".to_owned(),
                device: "cpu: 2 threads".to_owned(),
                driver: "avx2".to_owned(),
                temperature: 0.0,
                top_p: None,
                top_k: None,
                repetition_penalty: 1.0,
                seed: 0,
                max_new_tokens: 512,
                system: None,
                left_out: 0,
                own_words: false,
                program_version: env!("CARGO_PKG_VERSION").to_owned(),
            }),
            ..Answer::waiting()
        };
    }
}

fn words(count: usize, random: &mut u64) -> String {
    let mut next = || {
        // a small generator is random enough for words
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        WORDS[(*random >> 33) as usize % WORDS.len()]
    };
    (0..count).map(|_| next()).collect::<Vec<_>>().join(" ")
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn median(mut run: impl FnMut() -> anyhow::Result<f64>) -> anyhow::Result<f64> {
    let runs = (0..RUNS).map(|_| run()).collect::<anyhow::Result<Vec<f64>>>()?;
    Ok(middle(runs))
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn write_table(out: &mut impl std::io::Write, figures: &Figures) -> std::io::Result<()> {
    let Figures { chats, questions, megabytes, .. } = figures;
    writeln!(out, "{chats} chats, {questions} questions, {megabytes:.0} MB")?;
    writeln!(out, "written     {:9.1} ms", figures.write_ms)?;
    writeln!(out, "start       {:9.1} ms", figures.start_ms)?;
    writeln!(out, "save a turn {:9.1} ms", figures.save_ms)?;
    writeln!(out, "open a chat {:9.1} ms", figures.open_chat_ms)?;
    for Search { typed, found, ms } in &figures.search {
        writeln!(out, "search      {ms:9.1} ms  {typed}: {found} chats")?;
    }
    Ok(())
}
