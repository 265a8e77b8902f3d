//! Chats that last, in the window, driven by role and label.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;
#[path = "support/chats.rs"]
mod chats;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use app_harness::{App, sample};
use egui::{Key, Modifiers, Role};
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppEvent, Command, Effect, ThemeChoice};
use reading_room::chat::history::{Calendar, Database};
use reading_room::chat::transfer::{self, Format};
use reading_room::chat::{AnswerState, Conversation};
use reading_room::vlm::{Answer, FinishReason, Timings};
use reading_room::worker::EngineEvent;

const CTRL_SHIFT: Modifiers = Modifiers::COMMAND.plus(Modifiers::SHIFT);
const DAY_MS: u64 = 86_400_000;

/// Draws until something is so: the history answers from a thread of its own.
fn until(app: &mut App, what: &str, is_so: impl Fn(&App) -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        app.settle();
        if is_so(app) {
            return;
        }
        assert!(Instant::now() < end, "{what}\n{}", app.words());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn opened(app: &mut App) {
    until(app, "the history opens", |app| app.state().history.is_open);
}

/// A window on the sample CT with a model, and its history open.
fn reader() -> App {
    let mut app = App::with_ct();
    app.pretend_model();
    opened(&mut app);
    app
}

/// Another window on the same data folder, after the first was closed.
fn restarted(app: App) -> App {
    let App { harness, data_dir } = app;
    drop(harness);
    let mut app = App::start(data_dir, |_| None, |_| {});
    opened(&mut app);
    app
}

fn database(app: &App) -> Database {
    Database::open(app.data_dir.path()).unwrap()
}

fn command(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.settle();
}

fn click(app: &mut App, label: &str) {
    app.harness.get_by_label(label).click();
    app.settle();
}

fn keys(app: &mut App, modifiers: Modifiers, key: Key) {
    app.harness.key_press_modifiers(modifiers, key);
    app.settle();
}

fn type_into(app: &mut App, label: &str, text: &str) {
    app.harness.get_by_label(label).focus();
    app.harness.run_steps(2);
    app.harness.get_by_label(label).type_text(text);
    app.settle();
}

fn engine(app: &mut App, event: EngineEvent) {
    app.apply(AppEvent::Engine(event));
    app.settle();
}

fn whole(text: &str) -> Answer {
    Answer {
        prompt: String::new(),
        prompt_ids: vec![1, -200, 3],
        output_ids: vec![7; 12],
        begun: 0,
        text: text.to_owned(),
        codes: Vec::new(),
        finish_reason: FinishReason::Stop,
        logprobs: vec![0.0; 12],
        steps: Vec::new(),
        yes_no: None,
        seen: Vec::new(),
        timings: Timings { first_token_ms: 600.0, decode_ms: 350.0, ..Timings::default() },
    }
}

fn answer(app: &mut App, text: &str) {
    let job = app.asking_job();
    let answer = Box::new(whole(text));
    engine(app, EngineEvent::Answered { job, answer, peak_rss_mb: 1 });
    engine(app, EngineEvent::Finished { job });
}

fn ask(app: &mut App, question: &str, text: &str) {
    type_into(app, "Question", question);
    app.harness.key_press(Key::Enter);
    app.settle();
    answer(app, text);
}

/// Waits until the disk has a chat as the window has it.
fn written(app: &mut App) {
    let shown = |app: &App| app.state().conversation().clone();
    until(app, "the chat is written", |app| {
        let shown = shown(app);
        database(app).load(shown.id).is_ok_and(|chat| {
            let told = |chat: &Conversation| -> Vec<_> {
                let turns = chat.turns.iter();
                turns.map(|turn| (turn.question.clone(), turn.answers.clone())).collect()
            };
            told(&chat) == told(&shown)
        })
    });
}

/// A window over chats that were there before, with the list shown.
fn with_chats(chats: &[Conversation]) -> App {
    let data_dir = tempfile::tempdir().unwrap();
    fs::write(data_dir.path().join("settings.toml"), "acknowledged = \"0.1.0\"\n").unwrap();
    Database::open(data_dir.path()).unwrap().save_all(chats.iter().cloned()).unwrap();
    let mut app = App::start(data_dir, |_| None, |_| {});
    opened(&mut app);
    app.harness.get_by_label("Chats").click();
    app.settle();
    app
}

#[test]
fn a_chat_is_there_after_a_restart_with_its_picture_and_goes_on() {
    let mut app = reader();
    ask(&mut app, "Is there a nodule?", "No nodule.");
    written(&mut app);
    let sent = app.state().conversation().turns[0].evidence[0].image.clone().unwrap();

    let mut app = restarted(app);
    click(&mut app, "Chats");
    app.harness.get_by_label("Today");
    click(&mut app, "Is there a nodule?");
    until(&mut app, "the chat opens", |app| app.words().contains("No nodule."));
    let evidence = &app.state().conversation().turns[0].evidence[0];
    assert_eq!(evidence.image.as_ref(), Some(&sent), "the very picture the model saw");
    assert_eq!(evidence.alias, "Case 01");

    app.pretend_model();
    ask(&mut app, "And the liver?", "It is even.");
    written(&mut app);
    let list = database(&app).list().unwrap();
    assert_eq!((list.len(), list[0].num_turns), (1, 2), "it went on in the same chat");
}

#[test]
fn the_picture_of_an_old_chat_leads_back_to_its_slice() {
    let mut app = reader();
    app.harness.key_press(Key::Home);
    app.settle();
    ask(&mut app, "Which slice?", "The first.");
    written(&mut app);
    let mut app = restarted(app);
    command(&mut app, Command::ShowTab(reading_room::app::LeftTab::Chats));
    click(&mut app, "Which slice?");
    until(&mut app, "the chat opens", |app| app.words().contains("The first."));
    click(&mut app, "Go to evidence");
    assert!(app.words().contains("not open: open its files"), "{}", app.words());
    // the study is known again by its mark, and has the alias it had
    app.open(&sample("chest-x-ray.png"));
    app.open(&sample("ct-torso"));
    let ct = app
        .state()
        .studies
        .open()
        .iter()
        .find(|open| open.study.series.len() == 1 && open.study.series[0].modality == "CT")
        .unwrap();
    assert_eq!(ct.alias, "Case 01");
    click(&mut app, "Go to evidence");
    assert_eq!(app.state().active_viewport().place.as_ref().unwrap().frame_idx, 0);
}

#[test]
fn every_answer_of_a_question_is_kept_and_the_shown_one_stays_shown() {
    let mut app = reader();
    ask(&mut app, "Which organ?", "The liver.");
    click(&mut app, "Answer again");
    answer(&mut app, "The spleen.");
    click(&mut app, "Answer again");
    answer(&mut app, "The kidney.");
    click(&mut app, "Previous answer");
    until(&mut app, "it is written", |app| {
        let id = app.state().conversation().id;
        let chat = database(app).load(id);
        chat.is_ok_and(|chat| chat.turns[0].answers.len() == 3 && chat.turns[0].shown_idx == 1)
    });
    let mut app = restarted(app);
    click(&mut app, "Chats");
    click(&mut app, "Which organ?");
    until(&mut app, "the chat opens", |app| app.words().contains("2 / 3"));
    assert!(app.words().contains("The spleen."));
    click(&mut app, "Next answer");
    assert!(app.words().contains("The kidney."));
}

#[test]
fn half_an_answer_is_written_while_it_streams() {
    let mut app = reader();
    type_into(&mut app, "Question", "Describe this.");
    app.harness.key_press(Key::Enter);
    app.settle();
    let job = app.asking_job();
    // the first words come, then more of them
    for tokens in 1..=3 {
        let text = "word ".to_owned();
        engine(&mut app, EngineEvent::Text { job, text, tokens, elapsed_ms: 1.0 });
    }
    until(&mut app, "the words are written", |app| {
        let id = app.state().conversation().id;
        let chat = database(app).load(id).unwrap();
        let answer = &chat.turns[0].answers[0];
        answer.text == "word word word " && matches!(answer.state, AnswerState::Interrupted(_))
    });
    assert!(app.state().conversation().turns[0].answers[0].is_open(), "it goes on here");
}

#[test]
fn renaming_with_f2_pinning_deleting_and_undo() {
    let mut app = with_chats(&[chats::short("First question", "a"), {
        let mut older = chats::short("Second question", "b");
        older.changed_ms -= 3 * DAY_MS;
        older
    }]);
    app.harness.get_by_label("Today");
    app.harness.get_by_label("Previous 7 days");
    click(&mut app, "Second question");
    until(&mut app, "it opens", |app| !app.state().conversation().turns.is_empty());
    app.harness.key_press(Key::F2);
    app.settle();
    let title = app.harness.get_by_label("Title of the chat");
    assert!(title.is_focused());
    keys(&mut app, Modifiers::COMMAND, Key::A);
    app.harness.get_by_label("Title of the chat").type_text("Knee  of   Tuesday");
    app.harness.run_steps(2);
    app.harness.key_press(Key::Enter);
    app.settle();
    assert!(app.state().history.renaming.is_none());
    assert_eq!(app.state().conversation().title, "Knee of Tuesday");
    click(&mut app, "Pin chat Knee of Tuesday");
    app.harness.get_by_label("Pinned");
    let titles = |app: &App| -> Vec<String> {
        app.state().history.chats.iter().map(|chat| chat.title.clone()).collect()
    };
    assert_eq!(titles(&app), ["Knee of Tuesday", "First question"]);
    until(&mut app, "it is written", |app| {
        let list = database(app).list().unwrap();
        list[0].title == "Knee of Tuesday" && list[0].pinned
    });
    click(&mut app, "Delete chat Knee of Tuesday");
    assert_eq!(titles(&app), ["First question"]);
    assert!(app.state().conversation().turns.is_empty(), "an empty chat is shown");
    until(&mut app, "it is out of the list", |app| database(app).list().unwrap().len() == 1);
    click(&mut app, "Undo");
    assert_eq!(titles(&app), ["Knee of Tuesday", "First question"]);
    assert_eq!(app.state().conversation().title, "Knee of Tuesday");
    until(&mut app, "it is back", |app| database(app).list().unwrap().len() == 2);
}

#[test]
fn a_title_can_be_left_as_it_was() {
    let mut app = with_chats(&[chats::short("Only question", "a")]);
    let id = app.state().history.chats[0].id;
    command(&mut app, Command::BeginRename(id));
    app.harness.get_by_label("Title of the chat").type_text("something else");
    app.harness.run_steps(2);
    app.harness.key_press(Key::Escape);
    app.settle();
    assert!(app.state().history.renaming.is_none());
    assert_eq!(app.state().history.chats[0].title, "Only question");
}

#[test]
fn all_chats_are_searched_and_a_hit_opens_its_turn() {
    let mut liver = chats::short("Is the liver enlarged?", "It is of normal size.");
    liver.turns[0].evidence = vec![chats::evidence("0a", "Case 01", "CT", 1)];
    let chest = chats::short("双肺是否清晰？", "右肺上叶可见结节。");
    let mut app = with_chats(&[liver, chest]);
    keys(&mut app, CTRL_SHIFT, Key::F);
    assert!(app.harness.get_by_label("Search all chats").is_focused());
    app.harness.get_by_label("Search all chats").type_text("normal size");
    until(&mut app, "it is found", |app| app.words().contains("1 chat"));
    app.harness.get_by_label_contains("Is the liver enlarged?: ").click();
    until(&mut app, "it opens", |app| !app.state().conversation().turns.is_empty());
    assert_eq!(app.state().conversation().title, "Is the liver enlarged?");

    click(&mut app, "End search");
    app.harness.get_by_label("Today");
    type_into(&mut app, "Search all chats", "结节");
    until(&mut app, "Chinese is found", |app| app.words().contains("右肺上叶"));
    click(&mut app, "End search");
    type_into(&mut app, "Search all chats", "modality:CT");
    let only_liver = |app: &App| app.words().contains("1 chat\n");
    until(&mut app, "the filter finds", only_liver);
    app.harness.get_by_role_and_label(Role::Button, "Is the liver enlarged?");
    click(&mut app, "End search");
    type_into(&mut app, "Search all chats", "spine");
    until(&mut app, "nothing is found", |app| app.words().contains("Nothing found"));
}

#[test]
fn words_are_found_in_the_chat_shown() {
    let mut chat = chats::short("Is there a nodule?", "No nodule.");
    for number in 0..12 {
        chat.ask(format!("Question {number}"), Vec::new());
        let turn = chat.turns.last_mut().unwrap();
        turn.answers = vec![chats::answer(&"many words ".repeat(40), "nano")];
    }
    chat.ask("Where is the nodule?".to_owned(), Vec::new());
    chat.turns.last_mut().unwrap().answers = vec![chats::answer("Nowhere.", "nano")];
    let mut app = with_chats(&[chat]);
    click(&mut app, "Is there a nodule?");
    until(&mut app, "it opens", |app| app.words().contains("Nowhere."));
    keys(&mut app, Modifiers::COMMAND, Key::F);
    assert!(app.harness.get_by_label("Find in this chat").is_focused());
    app.harness.get_by_label("Find in this chat").type_text("NODULE");
    app.settle();
    assert!(app.words().contains("2 / 2"), "{}", app.words());
    click(&mut app, "Next place");
    assert!(app.words().contains("1 / 2"));
    // the first turn came into view
    let painted = app.painted();
    assert!(painted.contains("No nodule."), "{painted}");
    app.harness.key_press(Key::Escape);
    app.settle();
    assert!(app.harness.query_by_label("Find in this chat").is_none());
}

#[test]
fn a_chat_is_exported_in_three_forms_and_imported_elsewhere() {
    let chat = chats::full();
    let mut app = with_chats(std::slice::from_ref(&chat));
    click(&mut app, "Chest, 结节");
    until(&mut app, "it opens", |app| !app.state().conversation().turns.is_empty());
    click(&mut app, "More");
    app.harness.get_by_label("Export as Markdown…");
    app.harness.get_by_label("Export as HTML…");
    app.harness.get_by_label("Export as JSON…");
    app.harness.key_press(Key::Escape);
    app.settle();
    let folder = tempfile::tempdir().unwrap();
    for format in [Format::Markdown, Format::Html, Format::Json] {
        let effects = app.effects_of(Command::ExportChat(format));
        let [Effect::PickPlaceForChat(chat, asked)] = effects.as_slice() else {
            panic!("{effects:?}")
        };
        assert_eq!(*asked, format);
        // the system's dialog, answered
        let path = folder.path().join("chat");
        app.apply(AppEvent::PickedPlaceForChat(Arc::clone(chat), format, path.clone()));
        let path = path.with_extension(format.extension());
        until(&mut app, "it is written", |_| path.exists());
        assert!(fs::read_to_string(&path).unwrap().contains("Research use only"));
    }
    until(&mut app, "it says so", |app| app.words().contains("The chat is exported"));

    let mut app = with_chats(&[]);
    app.apply(AppEvent::PickedChat(folder.path().join("chat.json")));
    until(&mut app, "it is imported", |app| app.words().contains("is imported: 3 questions"));
    assert_eq!(*app.state().conversation(), chat);
    until(&mut app, "and kept", |app| database(app).load(chat.id).is_ok_and(|c| c == chat));
    app.apply(AppEvent::PickedChat(folder.path().join("chat.json")));
    until(&mut app, "not twice", |app| app.words().contains("is in the history already"));
    app.apply(AppEvent::PickedChat(folder.path().join("chat.html")));
    until(&mut app, "only chats", |app| app.words().contains("could not be imported"));
}

#[test]
fn a_question_whose_picture_is_missing_is_not_asked_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("chat.json");
    let mut chat = chats::short("Is there a nodule?", "No.");
    chat.turns[0].evidence = vec![chats::evidence("0a", "Case 01", "CT", 1)];
    transfer::write_file(&chat, Format::Json, Calendar::default(), &file).unwrap();
    let mut json: serde_json::Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    json["pictures"] = serde_json::json!({});
    fs::write(&file, json.to_string()).unwrap();
    let mut app = App::new();
    app.pretend_model();
    opened(&mut app);
    app.apply(AppEvent::PickedChat(file));
    until(&mut app, "it is imported", |app| app.words().contains("1 picture was missing"));
    assert!(app.words().contains("picture missing"), "{}", app.words());
    click(&mut app, "Answer again");
    let shown = app.state().conversation().turns[0].shown().unwrap();
    assert!(matches!(&shown.state, AnswerState::Failed(why) if why.contains("missing")));
    assert!(app.state().engine.asking.is_none());
    assert_eq!(app.state().conversation().turns[0].answers.len(), 2, "the old answer stays");
}

#[test]
fn without_a_history_the_chat_goes_on_and_can_be_saved_elsewhere() {
    let data_dir = tempfile::tempdir().unwrap();
    fs::write(data_dir.path().join("settings.toml"), "acknowledged = \"0.1.0\"\n").unwrap();
    drop(Database::open(data_dir.path()).unwrap());
    let file = data_dir.path().join("history.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(connection);
    let mut app = App::start(data_dir, |_| None, |_| {});
    app.open(&sample("ct-torso"));
    app.pretend_model();
    until(&mut app, "it says so", |app| app.words().contains("Chats are not being saved"));
    assert!(app.words().contains("newer version"), "{}", app.words());
    ask(&mut app, "Is there a nodule?", "No nodule.");
    click(&mut app, "Chats");
    app.harness.get_by_role_and_label(Role::Button, "Is there a nodule?");
    type_into(&mut app, "Search all chats", "nodule");
    assert!(app.words().contains("1 chat"), "{}", app.words());
    click(&mut app, "End search");
    app.harness.get_by_label("Save this chat elsewhere…");
    assert!(Command::ExportChat(Format::Json).is_enabled(app.state()));
    let effects = app.effects_of(Command::ExportChat(Format::Json));
    let [Effect::PickPlaceForChat(chat, Format::Json)] = effects.as_slice() else {
        panic!("{effects:?}")
    };
    let path = app.data_dir.path().join("elsewhere.json");
    app.apply(AppEvent::PickedPlaceForChat(Arc::clone(chat), Format::Json, path.clone()));
    until(&mut app, "it is written", |_| path.exists());
    assert_eq!(transfer::read(&path).unwrap().chat.turns.len(), 1);
}

#[test]
fn a_damaged_history_is_set_aside_and_said_to_be() {
    let data_dir = tempfile::tempdir().unwrap();
    fs::write(data_dir.path().join("settings.toml"), "acknowledged = \"0.1.0\"\n").unwrap();
    fs::write(data_dir.path().join("history.db"), "no database ".repeat(500)).unwrap();
    let mut app = App::start(data_dir, |_| None, |_| {});
    opened(&mut app);
    until(&mut app, "it says so", |app| app.words().contains("it is kept as history.damaged-"));
    let aside = fs::read_dir(app.data_dir.path()).unwrap().map(|e| e.unwrap().file_name());
    assert!(aside.into_iter().any(|name| name.to_string_lossy().starts_with("history.damaged-")));
}

#[test]
fn no_patient_is_named_in_anything_written() {
    let mut app = reader();
    // the names are on the screen, and not in the history either way
    command(&mut app, Command::TogglePrivacy);
    ask(&mut app, "Is there a nodule?", "No nodule.");
    written(&mut app);
    let open = &app.state().studies.open()[0];
    let mut secrets = vec![open.study.key.clone(), open.study.series[0].key.clone()];
    let patient = &open.study.patient;
    secrets.extend([patient.name.clone(), patient.id.clone()].into_iter().flatten());
    assert!(secrets.len() == 4, "the sample has a name and an id");
    let instance = &open.study.series[0].instances[10];
    secrets.push(instance.sop_instance_uid.clone());
    secrets.push(instance.path.display().to_string());
    let chat = app.state().conversation().clone();
    let page = app.data_dir.path().join("page.html");
    transfer::write_file(&chat, Format::Html, Calendar::default(), &page).unwrap();
    let json = app.data_dir.path().join("chat.json");
    transfer::write_file(&chat, Format::Json, Calendar::default(), &json).unwrap();
    check_bytes(app.data_dir.path(), &secrets);
}

fn check_bytes(folder: &Path, secrets: &[String]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // the list of recent files is the reader's own
        if !path.is_file() || name == "settings.toml" {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!found && !name.contains(secret), "{secret} is in {name}");
        }
    }
}

#[test]
fn a_chat_of_another_window_appears_in_the_list() {
    let mut app = with_chats(&[chats::short("Here", "a")]);
    database(&app).save(&chats::short("From elsewhere", "b"), None).unwrap();
    until(&mut app, "it is listed", |app| app.words().contains("From elsewhere"));
    click(&mut app, "From elsewhere");
    until(&mut app, "it opens", |app| app.state().conversation().title == "From elsewhere");
}

#[test]
fn ten_thousand_chats_are_listed_and_scrolled() {
    let data_dir = tempfile::tempdir().unwrap();
    fs::write(data_dir.path().join("settings.toml"), "acknowledged = \"0.1.0\"\n").unwrap();
    let chats = (0..10_000_u64).map(|number| {
        let mut chat = chats::short(&format!("Question {number}"), "Answer");
        chat.changed_ms -= number * DAY_MS / 24;
        chat
    });
    Database::open(data_dir.path()).unwrap().save_all(chats).unwrap();
    let began = Instant::now();
    let mut app = App::start(data_dir, |_| None, |_| {});
    command(&mut app, Command::ShowTab(reading_room::app::LeftTab::Chats));
    opened(&mut app);
    println!("10,000 chats: window with its list after {:?}", began.elapsed());
    assert_eq!(app.state().history.chats.len(), 10_000);
    app.harness.get_by_label("Question 0");
    let drawn = app.harness.query_all_by_label_contains("Question ").count();
    assert!(drawn < 60, "{drawn} rows are drawn where two dozen are in view");
    let at = app.harness.get_by_label("Question 2").rect().center();
    app.harness.hover_at(at);
    let mut worst = Duration::ZERO;
    let began = Instant::now();
    for _ in 0..100 {
        app.harness.event(egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: egui::vec2(0.0, -400.0),
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Wheel,
            modifiers: Modifiers::NONE,
        });
        let frame = Instant::now();
        app.harness.step();
        worst = worst.max(frame.elapsed());
    }
    println!("100 frames of scrolling: {:?} each, worst {worst:?}", began.elapsed() / 100);
    app.settle();
    assert!(app.harness.query_by_label("Question 0").is_none(), "it scrolled");
}

/// Where pictures of the window are saved, when somebody wants to look at them.
fn shoot(app: &mut App, name: &str) {
    if let Some(folder) = std::env::var_os("READING_ROOM_SHOTS").map(std::path::PathBuf::from) {
        app.harness.render().unwrap().save(folder.join(format!("{name}.png"))).unwrap();
    }
}

#[test]
fn screens_can_be_looked_at() {
    if std::env::var_os("READING_ROOM_SHOTS").is_none() {
        println!("skipped: READING_ROOM_SHOTS names no folder");
        return;
    }
    for theme in [ThemeChoice::Dark, ThemeChoice::Light] {
        let name = format!("{theme:?}").to_lowercase();
        let questions = [
            "Is there a nodule?",
            "双肺是否清晰？",
            "Which organs are visible on this slice?",
            "Describe the findings in this CT image.",
            "Is the heart enlarged?",
        ];
        let mut all: Vec<Conversation> = Vec::new();
        for (idx, question) in questions.iter().cycle().take(18).enumerate() {
            let mut chat = chats::short(
                question,
                "The liver is of normal size, no nodule is seen. 未见结节。",
            );
            chat.turns[0].evidence = vec![chats::evidence("0a", "Case 01", "CT", 1)];
            chat.changed_ms -= u64::try_from(idx * idx).unwrap() * DAY_MS / 6;
            chat.pinned = idx == 3;
            all.push(chat);
        }
        let mut app = with_chats(&all);
        app.open(&sample("ct-torso"));
        command(&mut app, Command::SetTheme(theme));
        let id = all[2].id;
        command(&mut app, Command::OpenChat(id));
        until(&mut app, "it opens", |app| !app.state().conversation().turns.is_empty());
        shoot(&mut app, &format!("{name}-1-list"));
        keys(&mut app, Modifiers::COMMAND, Key::F);
        app.harness.get_by_label("Find in this chat").type_text("liver");
        app.settle();
        shoot(&mut app, &format!("{name}-2-find"));
        keys(&mut app, CTRL_SHIFT, Key::F);
        app.harness.get_by_label("Search all chats").type_text("nodule");
        until(&mut app, "it is found", |app| app.words().contains("chats\n"));
        shoot(&mut app, &format!("{name}-3-search"));
        click(&mut app, "End search");
        command(&mut app, Command::BeginRename(id));
        shoot(&mut app, &format!("{name}-4-rename"));
        command(&mut app, Command::CancelRename);
        click(&mut app, "More");
        shoot(&mut app, &format!("{name}-5-more"));
        app.harness.key_press(Key::Escape);
        app.settle();
        command(&mut app, Command::DeleteChat(id));
        shoot(&mut app, &format!("{name}-6-deleted"));
        let trouble = reading_room::chat::history::HistoryError::DiskFull;
        let trouble = reading_room::chat::history::HistoryEvent::Trouble(trouble);
        app.apply(AppEvent::History(trouble));
        app.settle();
        shoot(&mut app, &format!("{name}-7-trouble"));
    }
}

#[test]
fn a_job_of_a_deleted_chat_is_stopped() {
    let mut app = reader();
    type_into(&mut app, "Question", "Describe this.");
    app.harness.key_press(Key::Enter);
    app.settle();
    let (id, job) = (app.state().conversation().id, app.asking_job());
    let effects = app.effects_of(Command::DeleteChat(id));
    assert!(effects.contains(&Effect::CancelEngine(job)), "{effects:?}");
    assert!(app.state().conversation().turns.is_empty());
}
