//! Chats outlive the program, whatever happens to it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test should fail loudly")]

use std::{
    env, fs,
    io::Read as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use reading_room::{
    chat::{
        AnswerState, Conversation, chat_id_text,
        history::{Calendar, Database, History, HistoryError, HistoryEvent, Query, Request},
        hmac_sha256,
        transfer::{self, Format, TransferError},
    },
    imaging::open_paths,
};
use rusqlite::Connection;
use serde_json::Value;

#[path = "support/chats.rs"]
mod chats;

use chats::{answer, evidence, full, short, tokens};

const PATIENCE: Duration = Duration::from_secs(60);
const MODEL: &str = "tests/fixtures/models/huatuo-7b-tiny/model";
/// Where a child process of a test works.
const CHILD: &str = "READING_ROOM_TEST_FOLDER";

fn start(folder: &Path) -> History {
    History::start(folder, Arc::new(|| ()))
}

/// Waits for the first event that `is_it` takes.
fn wait_for<T>(history: &mut History, mut is_it: impl FnMut(HistoryEvent) -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    while Instant::now() < until {
        if let Some(found) = history.wait(Duration::from_millis(200)).and_then(&mut is_it) {
            return found;
        }
    }
    panic!("the history did not say what was expected");
}

fn save(history: &mut History, chat: &Conversation) {
    history.send(Request::Save(Box::new(chat.clone())));
}

fn load(history: &mut History, id: u64) -> Conversation {
    history.send(Request::Load(id));
    wait_for(history, |event| match event {
        HistoryEvent::Loaded(chat) => Some(*chat),
        HistoryEvent::NotLoaded(_, error) => panic!("{error}"),
        _ => None,
    })
}

fn titles(database: &Database) -> Vec<String> {
    database.list().unwrap().into_iter().map(|chat| chat.title).collect()
}

fn database_file(folder: &Path) -> PathBuf {
    folder.join("history.db")
}

fn check_whole(folder: &Path) {
    let connection = Connection::open(database_file(folder)).unwrap();
    let said: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
    let loose: i64 = connection
        .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(loose, 0);
}

#[test]
fn a_chat_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let chat = full();
    let mut history = start(folder.path());
    save(&mut history, &chat);
    history.close(PATIENCE).unwrap();
    let database = Database::open(folder.path()).unwrap();
    let listed = &database.list().unwrap()[0];
    assert_eq!((listed.id, listed.num_turns, listed.pinned), (chat.id, 3, true));
    assert_eq!(listed.alias.as_deref(), Some("Case 07"));
    assert_eq!(listed.modality.as_deref(), Some("CT"));
    assert_eq!(database.load(chat.id).unwrap(), chat);
    check_whole(folder.path());
}

#[test]
fn every_picture_is_kept_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::open(folder.path()).unwrap();
    database.save(&full(), None).unwrap();
    database.save(&full(), None).unwrap();
    let connection = Connection::open(database_file(folder.path())).unwrap();
    let count = |sql: &str| -> i64 { connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(count("SELECT count(*) FROM evidence"), 8);
    // three that were asked about, three of the drawing
    assert_eq!(count("SELECT count(*) FROM pictures"), 6);
}

#[test]
fn an_answer_that_never_ended_says_so_when_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::open(folder.path()).unwrap();
    let mut chat = short("What is this?", "It is a");
    chat.turns[0].answers[0].state = AnswerState::Streaming;
    chat.ask("And that?".to_owned(), Vec::new());
    database.save(&chat, None).unwrap();
    let back = database.load(chat.id).unwrap();
    let state = |turn: usize| back.turns[turn].answers[0].state.clone();
    assert!(matches!(state(0), AnswerState::Interrupted(why) if why.contains("closed")));
    assert_eq!(back.turns[0].answers[0].text, "It is a");
    assert!(matches!(state(1), AnswerState::Failed(_)));
}

#[test]
fn renaming_pinning_deleting_and_undo_last() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two, three) = (short("one", "1"), short("two", "2"), full());
    let mut history = start(folder.path());
    for chat in [&one, &two, &three] {
        save(&mut history, chat);
    }
    history.send(Request::Rename(one.id, "First".to_owned()));
    history.send(Request::Pin(three.id, false));
    history.send(Request::Pin(one.id, true));
    history.send(Request::Delete(two.id));
    history.send(Request::Delete(three.id));
    history.send(Request::Restore(two.id));
    history.close(PATIENCE).unwrap();
    let database = Database::open(folder.path()).unwrap();
    assert_eq!(titles(&database), ["First", "two"]);
    assert!(matches!(database.load(three.id), Err(HistoryError::NoChat(_))));
    // what is deleted is gone, its pictures too
    let connection = Connection::open(database_file(folder.path())).unwrap();
    let pictures: i64 =
        connection.query_row("SELECT count(*) FROM pictures", [], |row| row.get(0)).unwrap();
    assert_eq!(pictures, 0);
    let bytes = fs::read(database_file(folder.path())).unwrap();
    assert!(!contains(&bytes, "No nodule."), "a deleted answer is still in the file");
}

#[test]
fn words_titles_and_filters_find_chats() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::open(folder.path()).unwrap();
    let mut liver = short("Is the liver enlarged?", "The liver is of normal size.");
    liver.turns[0].evidence = vec![evidence("0a", "Case 01", "CT", 1)];
    let mut chest = short("双肺是否清晰？", "右肺上叶可见结节。");
    chest.turns[0].evidence = vec![evidence("0b", "Case 02", "DX", 2)];
    chest.turns[0].answers.push(answer("A nodule in the right lung", "LLaVA-Med v1.5"));
    let mut named = short("q", "a");
    named.title = "Knee of Tuesday".to_owned();
    for chat in [&liver, &chest, &named] {
        database.save(chat, None).unwrap();
    }
    let found = |typed: &str| -> Vec<u64> {
        let hits = database.search(&Query::parse(typed)).unwrap();
        hits.into_iter().map(|hit| hit.id).collect()
    };
    assert_eq!(found("liver"), [liver.id]);
    assert_eq!(found("LIVER norm"), [liver.id], "case and the beginning of a word");
    assert_eq!(found("liver nodule"), [0; 0], "all words in one turn");
    assert_eq!(found("结节"), [chest.id]);
    assert_eq!(found("上叶"), [chest.id]);
    assert_eq!(found("节结"), [0; 0], "signs in their order");
    assert_eq!(found("tuesday"), [named.id]);
    assert_eq!(found("modality:ct"), [liver.id]);
    assert_eq!(found("modality:DX nodule"), [chest.id]);
    assert_eq!(found("modality:CT nodule"), [0; 0]);
    assert_eq!(found("model:llava"), [chest.id]);
    assert_eq!(found("study:2"), [chest.id]);
    assert_eq!(found("study:\"Case 01\" liver"), [liver.id]);
    assert_eq!(found("model:huatuo").len(), 3);
    // nothing typed breaks the language of the index
    for odd in ["\"", "AND", "liver*", "(", "a:b", "NEAR(", "-", "study:", "' OR 1=1"] {
        database.search(&Query::parse(odd)).unwrap_or_else(|error| panic!("{odd}: {error}"));
    }
    let hit = &database.search(&Query::parse("结节")).unwrap()[0];
    assert!(hit.snippet.contains("结节"), "{}", hit.snippet);
    assert_eq!(hit.turn_id, Some(chest.turns[0].id));
    // what is written later is found, what is overwritten is not
    let before = chest.clone();
    chest.turns[0].answers[1].text = "Clear lungs".to_owned();
    database.save(&chest, Some(&before)).unwrap();
    let found = |typed: &str| database.search(&Query::parse(typed)).unwrap().len();
    assert_eq!((found("nodule"), found("clear")), (0, 1));
}

/// As text stands in HTML.
fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;")
}

#[test]
fn versions_of_a_question_are_kept_with_what_followed_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::open(folder.path()).unwrap();
    let mut chat = full();
    let first = chat.turns.clone();
    let edited = chat.ask_instead(1, "Draw it larger".to_owned(), Vec::new());
    chat.turns[edited].answers = vec![answer("No.", "HealthGPT M3")];
    database.save(&chat, None).unwrap();
    assert_eq!((chat.version(1), chat.version(0)), ((1, 2), (0, 1)));
    assert_eq!(database.load(chat.id).unwrap(), chat);
    let before = chat.clone();
    chat.step_version(1, -1);
    assert_eq!(chat.turns, first);
    chat.ask("And then?".to_owned(), Vec::new());
    let then = chat.turns.last().unwrap().id;
    chat.turns.last_mut().unwrap().answers = vec![answer("Nothing.", "HealthGPT M3")];
    database.save(&chat, Some(&before)).unwrap();
    assert_eq!(database.load(chat.id).unwrap(), chat);
    // a version of a version, and the way back to what was said last
    chat.ask_instead(0, "What is it?".to_owned(), Vec::new());
    assert_eq!((chat.turns.len(), chat.version(0)), (1, (1, 2)));
    assert!(chat.show_turn(then) && !chat.show_turn(then));
    assert_eq!(chat.turns.last().unwrap().id, then);
    chat.step_version(0, 1);
    chat.step_version(0, -1);
    assert!(chat.turns.len() >= 2 && chat.aside.len() + chat.turns.len() == first.len() + 3);
    // all of it in a file
    let file = folder.path().join("chat.json");
    transfer::write_file(&chat, Format::Json, Calendar::default(), &file).unwrap();
    let mut read = transfer::read(&file).unwrap().chat;
    assert_eq!(read.turns.len(), chat.turns.len());
    assert_eq!(read.aside.len(), chat.aside.len());
    assert_eq!(read.version(0), chat.version(0));
    read.step_version(0, 1);
    assert_eq!(read.turns[0].question, "What is it?");
    // readers of a page or of notes see them too, after what is shown
    for format in [Format::Markdown, Format::Html] {
        let text = transfer::write(&chat, format, Calendar::default()).unwrap();
        for turn in chat.all_turns() {
            let is_page = format == Format::Html;
            let question = if is_page { escaped(&turn.question) } else { turn.question.clone() };
            assert!(text.contains(&question), "{format:?} lacks {question}");
        }
        let place = text.find("Question 1, another version").expect("it is named");
        assert!(text.find("What is it?").unwrap() > place && text.contains("Question 2, another"));
    }
    check_whole(folder.path());
}

#[test]
fn an_older_database_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let mut chat = full();
    chat.turns[0].slices = None;
    Database::open(folder.path()).unwrap().save(&chat, None).unwrap();
    // the first form had no index
    let connection = Connection::open(database_file(folder.path())).unwrap();
    let earlier = "DROP TABLE words; ALTER TABLE turns DROP COLUMN follows;
        ALTER TABLE turns DROP COLUMN aside; ALTER TABLE turns DROP COLUMN slices; PRAGMA user_version = 1;";
    connection.execute_batch(earlier).unwrap();
    drop(connection);
    let database = Database::open(folder.path()).unwrap();
    assert_eq!(database.load(chat.id).unwrap(), chat);
    assert_eq!(database.search(&Query::parse("nodule")).unwrap().len(), 1);
    check_whole(folder.path());
}

#[test]
fn slices_of_another_window_are_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let asked = full();
    let mut before = asked.clone();
    before.turns[0].slices = None;
    let mut database = Database::open(folder.path()).unwrap();
    database.save(&before, None).unwrap();
    Database::open(folder.path()).unwrap().save(&asked, Some(&before)).unwrap();
    // this window knows nothing of them and shows another answer
    let mut shown = before.clone();
    shown.turns[0].shown_idx = 0;
    database.save(&shown, Some(&before)).unwrap();
    let kept = database.load(asked.id).unwrap();
    assert_eq!(kept.turns[0].slices, asked.turns[0].slices);
    assert_eq!(kept.turns[0].shown_idx, 0);
}

#[test]
fn files_for_people_list_what_each_slice_gave() {
    let chat = full();
    let calendar = Calendar::default();
    let markdown = transfer::write(&chat, Format::Markdown, calendar).unwrap();
    let summary = "P(yes) over 3 of 20 slices, highest 67 % at slice 5, uncalibrated:";
    assert!(markdown.contains(summary), "{markdown}");
    for row in ["| 1 | 30.0 % |", "| 3 | unclear |", "| 5 | 66.7 % |"] {
        assert!(markdown.lines().any(|line| line == row), "{row} in {markdown}");
    }
    let html = transfer::write(&chat, Format::Html, calendar).unwrap();
    assert!(html.contains("<tr><td>5</td><td>66.7 %</td></tr>"), "{html}");
}

#[test]
fn a_newer_database_is_left_alone_and_the_chat_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    Database::open(folder.path()).unwrap().save(&short("old", "one"), None).unwrap();
    let connection = Connection::open(database_file(folder.path())).unwrap();
    connection.execute_batch("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    drop(connection);
    let before = fs::read(database_file(folder.path())).unwrap();
    let mut history = start(folder.path());
    let error = wait_for(&mut history, |event| match event {
        HistoryEvent::Trouble(error) => Some(error),
        _ => None,
    });
    assert!(matches!(error, HistoryError::Newer { found: 99, .. }));
    assert!(error.to_string().contains("update Reading Room"), "{error}");
    let chat = short("new", "two");
    save(&mut history, &chat);
    assert_eq!(load(&mut history, chat.id), chat, "kept in memory");
    assert!(history.close(PATIENCE).is_err());
    assert_eq!(fs::read(database_file(folder.path())).unwrap(), before);
    check_one_sentence(&["history", "list"], folder.path(), "newer version");
}

#[test]
fn a_file_that_is_no_database_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let rubbish = b"not a database at all ".repeat(400);
    fs::write(database_file(folder.path()), &rubbish).unwrap();
    let mut history = start(folder.path());
    let (name, taken_over) = wait_for(&mut history, |event| match event {
        HistoryEvent::SetAside(name, taken_over) => Some((name, taken_over)),
        _ => None,
    });
    assert_eq!(taken_over, 0);
    assert_eq!(fs::read(folder.path().join(name)).unwrap(), rubbish);
    let chat = full();
    save(&mut history, &chat);
    history.close(PATIENCE).unwrap();
    assert_eq!(Database::open(folder.path()).unwrap().load(chat.id).unwrap(), chat);
}

#[test]
fn of_a_database_with_a_corrupt_page_the_rest_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::open(folder.path()).unwrap();
    let all: Vec<Conversation> =
        (0..40).map(|n| short(&format!("question {n}"), &"long ".repeat(1500))).collect();
    database.save_all(all.iter().cloned()).unwrap();
    drop(database);
    let file = database_file(folder.path());
    let connection = Connection::open(&file).unwrap();
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).unwrap();
    // a leaf of the answers, where a few of them stand
    let sql = "SELECT pageno FROM dbstat WHERE name = 'answers' AND pagetype = 'leaf' LIMIT 1";
    let number: i64 = connection.query_row(sql, [], |row| row.get(0)).unwrap_or(20);
    drop(connection);
    let mut bytes = fs::read(&file).unwrap();
    let (page, number) = (usize::try_from(page).unwrap(), usize::try_from(number).unwrap());
    bytes[(number - 1) * page..number * page].fill(0xA5);
    fs::write(&file, &bytes).unwrap();

    let mut history = start(folder.path());
    let (name, taken_over) = wait_for(&mut history, |event| match event {
        HistoryEvent::SetAside(name, taken_over) => Some((name, taken_over)),
        _ => None,
    });
    assert_eq!(fs::read(folder.path().join(name)).unwrap(), bytes, "kept as it is");
    history.close(PATIENCE).unwrap();
    let database = Database::open(folder.path()).unwrap();
    let listed = database.list().unwrap();
    assert_eq!(listed.len(), taken_over);
    assert!((20..40).contains(&taken_over), "{taken_over} of 40");
    for chat in listed {
        let original = all.iter().find(|other| other.id == chat.id).unwrap();
        assert_eq!(database.load(chat.id).unwrap(), *original);
    }
    check_whole(folder.path());
}

#[test]
fn without_a_folder_chats_stay_in_memory_until_there_is_one() {
    let parent = tempfile::tempdir().unwrap();
    // a file where the folder should be refuses even those who may write everywhere
    let folder = parent.path().join("data");
    fs::write(&folder, "in the way").unwrap();
    let mut history = start(&folder);
    let error = wait_for(&mut history, |event| match event {
        HistoryEvent::Trouble(error) => Some(error),
        _ => None,
    });
    assert!(error.to_string().contains("--data-dir"), "{error}");
    assert!(!error.to_string().contains("data/"), "{error} names a path");
    let chat = full();
    save(&mut history, &chat);
    let kept = load(&mut history, chat.id);
    let elsewhere = parent.path().join("elsewhere.json");
    transfer::write_file(&kept, Format::Json, Calendar::default(), &elsewhere).unwrap();
    assert_eq!(transfer::read(&elsewhere).unwrap().chat, chat);
    check_one_sentence(&["history", "list"], &folder, "cannot be written");

    fs::remove_file(&folder).unwrap();
    wait_for(&mut history, |event| matches!(event, HistoryEvent::Recovered).then_some(()));
    history.close(PATIENCE).unwrap();
    assert_eq!(Database::open(&folder).unwrap().load(chat.id).unwrap(), chat);
}

#[test]
#[cfg(unix)]
fn a_folder_that_may_only_be_read_is_said_to_be() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    Database::open(folder.path()).unwrap().save(&short("kept", "well"), None).unwrap();
    let allow = |mode| {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        files.for_each(|file| {
            fs::set_permissions(file, fs::Permissions::from_mode(mode & 0o666)).unwrap();
        });
    };
    allow(0o555);
    if fs::write(folder.path().join("probe"), "x").is_ok() {
        allow(0o755);
        println!("skipped: this user may write everywhere");
        return;
    }
    let mut history = start(folder.path());
    let error = wait_for(&mut history, |event| match event {
        HistoryEvent::Trouble(error) => Some(error),
        _ => None,
    });
    allow(0o755);
    assert!(matches!(error, HistoryError::NotWritable(_)), "{error}");
    assert_eq!(titles(&Database::open(folder.path()).unwrap()), ["kept"]);
}

/// This test program itself, as another process that runs one of its hidden tests.
fn child(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture"]).env(CHILD, folder);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

#[test]
#[cfg(unix)]
fn when_the_disk_is_full_what_was_written_stays() {
    let folder = tempfile::tempdir().unwrap();
    // files beyond this size are refused, as on a full disk; the signal that goes with it is ignored
    let limited = "trap '' XFSZ; ulimit -f 2000; exec \"$@\"";
    let test = child("child_writes_until_refused", folder.path());
    let mut shell = Command::new("bash");
    shell.args(["-c", limited, "bash"]).arg(test.get_program()).args(test.get_args());
    shell.env(CHILD, folder.path()).stderr(Stdio::null());
    let said = String::from_utf8(shell.output().unwrap().stdout).unwrap();
    let written: usize = line_with(&said, "written ").parse().unwrap();
    assert!(written > 3, "{said}");
    assert!(line_with(&said, "trouble ").contains("disk"), "{said}");
    assert_eq!(line_with(&said, "in memory "), "true", "{said}");
    let database = Database::open(folder.path()).unwrap();
    assert!(database.list().unwrap().len() >= written, "{said}");
    check_whole(folder.path());
}

fn line_with(said: &str, before: &str) -> String {
    let line = said.lines().find_map(|line| line.split_once(before)).map(|(_, rest)| rest);
    line.unwrap_or_else(|| panic!("no {before:?} in {said}")).to_owned()
}

#[test]
#[ignore = "the other process of a test"]
fn child_writes_until_refused() {
    let Some(folder) = env::var_os(CHILD).map(PathBuf::from) else { return };
    let mut history = start(&folder);
    wait_for(&mut history, |event| matches!(event, HistoryEvent::Opened(_)).then_some(()));
    let mut written = 0;
    for number in 0..400 {
        let chat = short(&format!("question {number}"), &format!("{number} ").repeat(2000));
        save(&mut history, &chat);
        // answered after what was asked before: the chat is on disk, or its trouble was said
        history.send(Request::Search(number, "nothing".to_owned()));
        let trouble = wait_for(&mut history, |event| match event {
            HistoryEvent::Trouble(error) => Some(Some(error)),
            HistoryEvent::Found(..) => Some(None),
            _ => None,
        });
        let Some(error) = trouble else {
            written += 1;
            continue;
        };
        println!("written {written}");
        println!("trouble {error}");
        println!("in memory {}", load(&mut history, chat.id) == chat);
        return;
    }
}

#[test]
fn two_programs_write_at_once_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let shared = short("Who is there?", "Nobody yet");
    Database::open(folder.path()).unwrap().save(&shared, None).unwrap();
    let writers: Vec<Child> = (0..2)
        .map(|name| {
            let mut child = child("child_writes_chats", folder.path());
            child.env("READING_ROOM_TEST_NAME", name.to_string()).spawn().unwrap()
        })
        .collect();
    for writer in writers {
        let output = writer.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
    let database = Database::open(folder.path()).unwrap();
    let titles = titles(&database);
    assert_eq!(titles.len(), 201);
    for name in 0..2 {
        for number in 0..100 {
            assert!(titles.contains(&format!("chat {number} of {name}")), "{name} {number}");
        }
    }
    // both added to the same chat, and neither overwrote the other
    let questions: Vec<String> =
        database.load(shared.id).unwrap().turns.into_iter().map(|turn| turn.question).collect();
    assert_eq!(questions.len(), 41, "{questions:?}");
    check_whole(folder.path());
}

#[test]
#[ignore = "the other process of a test"]
fn child_writes_chats() {
    let Some(folder) = env::var_os(CHILD).map(PathBuf::from) else { return };
    let name = env::var("READING_ROOM_TEST_NAME").unwrap();
    let mut history = start(&folder);
    let shared = wait_for(&mut history, |event| match event {
        HistoryEvent::Opened(opened) => {
            opened.chats.into_iter().find(|chat| chat.title == "Who is there?")
        }
        _ => None,
    });
    let mut shared = load(&mut history, shared.id);
    for number in 0..100 {
        save(&mut history, &short(&format!("chat {number} of {name}"), "text"));
        if number % 5 == 0 {
            shared.ask(format!("{number} by {name}"), Vec::new());
            save(&mut history, &shared);
        }
    }
    history.close(PATIENCE).unwrap();
}

/// A program that streams an answer: what it wrote, and when.
struct Streaming {
    child: Child,
    printed: Arc<Mutex<Vec<(Instant, String)>>>,
}

/// The tiny model with room for an answer that does not end while anybody waits.
fn talkative(folder: &Path) -> PathBuf {
    let copy = folder.join("model");
    copy_folder(Path::new(MODEL), &copy);
    let config = copy.join("config.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&config).unwrap()).unwrap();
    json["tokenizer_model_max_length"] = 65_536.into();
    fs::write(config, json.to_string()).unwrap();
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let beside = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &beside);
        } else {
            fs::copy(&path, &beside).unwrap();
        }
    }
}

impl Streaming {
    fn start(model: &Path, folder: &Path, question: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_reading-room"))
            .args(["ask", "--save", "--device", "cpu", "--precision", "f32", "--ignore-eos"])
            .args(["--max-new-tokens", "65000", "--question", question])
            .args([Path::new("--model"), model, Path::new("--data-dir"), folder])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let printed = Arc::new(Mutex::new(Vec::new()));
        let (mut out, list) = (child.stdout.take().unwrap(), Arc::clone(&printed));
        thread::Builder::new()
            .spawn(move || {
                let (mut buffer, mut rest) = (vec![0; 4096], Vec::new());
                while let Ok(n @ 1..) = out.read(&mut buffer) {
                    rest.extend_from_slice(&buffer[..n]);
                    let whole = match std::str::from_utf8(&rest) {
                        Ok(text) => text.len(),
                        Err(error) => error.valid_up_to(),
                    };
                    let text = String::from_utf8(rest.drain(..whole).collect()).unwrap();
                    list.lock().unwrap().push((Instant::now(), text));
                }
            })
            .unwrap();
        Self { child, printed }
    }

    fn has_begun(&self) -> bool {
        !self.printed.lock().unwrap().is_empty()
    }

    /// Everything printed before a moment.
    fn printed_before(&self, moment: Instant) -> String {
        let printed = self.printed.lock().unwrap();
        let before = printed.iter().filter(|(at, _)| *at <= moment);
        before.map(|(_, text)| text.as_str()).collect()
    }
}

/// The signal that cannot be caught, at fifty random moments, in five programs that write at once.
#[test]
fn a_killed_program_loses_two_seconds_at_most_and_never_the_database() {
    let (folder, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let model = talkative(elsewhere.path());
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = seed;
    let mut in_the_middle = 0;
    for round in 0..10 {
        let name = |number: usize| format!("Describe slice {round} {number}");
        let mut running: Vec<Streaming> =
            (0..5).map(|number| Streaming::start(&model, folder.path(), &name(number))).collect();
        let until = Instant::now() + PATIENCE;
        while !running.iter().all(Streaming::has_begun) && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
        let began = Instant::now();
        let mut moments: Vec<(u64, usize)> = Vec::new();
        for number in 0..running.len() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            moments.push(((random >> 33) % 4000, number));
        }
        moments.sort_unstable();
        let mut killed = Vec::new();
        for (ms, number) in moments {
            let at = began + Duration::from_millis(ms);
            thread::sleep(at.saturating_duration_since(Instant::now()));
            let program = &mut running[number];
            in_the_middle += usize::from(program.child.try_wait().unwrap().is_none());
            killed.push((number, Instant::now()));
            // SIGKILL on Unix
            program.child.kill().ok();
            program.child.wait().unwrap();
        }
        check_whole(folder.path());
        let database = Database::open(folder.path()).unwrap();
        let chats = database.list().unwrap();
        for (number, at) in killed {
            let chat = chats.iter().find(|chat| chat.title == name(number)).unwrap();
            let stored = &database.load(chat.id).unwrap().turns[0].answers[0];
            let must = running[number].printed_before(at - Duration::from_secs(2));
            assert!(
                stored.text.starts_with(must.trim_end()),
                "round {round}, program {number}: {} of {} bytes are there",
                stored.text.len(),
                must.len()
            );
            assert!(!stored.is_open());
        }
    }
    assert_eq!(in_the_middle, 50, "an answer ended before it was broken off");
}

#[test]
fn a_chat_goes_out_and_comes_in_without_loss() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let chat = full();
    let mut database = Database::open(here.path()).unwrap();
    database.save(&chat, None).unwrap();
    let file = here.path().join("chat.json");
    let loaded = database.load(chat.id).unwrap();
    transfer::write_file(&loaded, Format::Json, Calendar::default(), &file).unwrap();

    let mut history = start(there.path());
    let import = |history: &mut History, file: &Path| {
        history.send(Request::Import(file.to_owned()));
        wait_for(history, |event| match event {
            HistoryEvent::Imported(imported) => Some(*imported),
            HistoryEvent::NotImported(why) => panic!("{why}"),
            _ => None,
        })
    };
    let imported = import(&mut history, &file);
    assert_eq!((imported.missing, imported.was_there), (0, false));
    assert_eq!(load(&mut history, chat.id), chat);
    assert!(import(&mut history, &file).was_there, "taken in twice");
    // another chat of the same id becomes a copy beside it
    let mut changed = chat.clone();
    changed.turns.truncate(1);
    transfer::write_file(&changed, Format::Json, Calendar::default(), &file).unwrap();
    let copy = import(&mut history, &file);
    assert!(!copy.was_there && copy.chat.id != chat.id);
    history.close(PATIENCE).unwrap();
    let database = Database::open(there.path()).unwrap();
    assert_eq!(database.list().unwrap().len(), 2);
    assert_eq!(database.load(chat.id).unwrap(), chat);
    assert_eq!(database.load(copy.chat.id).unwrap().turns.len(), 1);
    check_whole(there.path());
}

#[test]
fn a_chat_from_before_the_models_eye_is_taken_in() {
    let folder = tempfile::tempdir().unwrap();
    let chat = full();
    let file = folder.path().join("chat.json");
    transfer::write_file(&chat, Format::Json, Calendar::default(), &file).unwrap();
    let text = fs::read_to_string(&file).unwrap();
    let mut json: Value = serde_json::from_str(&text).unwrap();
    let turns = json.pointer_mut("/chat/turns").unwrap().as_array_mut().unwrap();
    let answers = turns.iter_mut().flat_map(|turn| turn["answers"].as_array_mut().unwrap());
    let gone = answers.filter_map(|answer| answer.as_object_mut().unwrap().remove("seen"));
    assert_eq!(gone.count(), 1, "only what was seen is written");
    fs::write(&file, json.to_string()).unwrap();
    let mut expected = chat;
    expected.turns[0].answers[0].seen.clear();
    assert_eq!(transfer::read(&file).unwrap().chat, expected);
}

#[test]
fn a_chat_whose_pictures_are_missing_is_imported_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let chat = full();
    let file = folder.path().join("chat.json");
    transfer::write_file(&chat, Format::Json, Calendar::default(), &file).unwrap();
    let mut json: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let pictures = json["pictures"].as_object_mut().unwrap();
    assert_eq!(pictures.len(), 6);
    let hash = |turn: usize, idx: usize| chat.turns[turn].evidence[idx].image_sha256.clone();
    let (gone, damaged) = (hash(0, 1), hash(2, 0));
    pictures.retain(|name, _| !name.starts_with(&gone));
    for (name, data) in pictures.iter_mut() {
        if name.starts_with(&damaged) {
            *data = Value::String(data.as_str().unwrap()[..40].to_owned());
        }
    }
    fs::write(&file, json.to_string()).unwrap();
    let imported = transfer::read(&file).unwrap();
    assert_eq!(imported.missing, 2);
    let turns = &imported.chat.turns;
    assert!(turns[0].evidence[0].image.is_some());
    assert!(turns[0].evidence[1].image.is_none() && turns[2].evidence[0].image.is_none());
    assert_eq!(turns[0].evidence[1].label, chat.turns[0].evidence[1].label);
    assert_eq!(turns[0].answers, chat.turns[0].answers);
    // and says so from a script
    let output = reading_room(&["history", "import", &file.display().to_string()], folder.path());
    assert!(output.status.success());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("2 pictures missing"), "{errors}");
}

#[test]
fn what_is_no_chat_is_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.json");
    let read = |text: &str| {
        fs::write(&file, text).unwrap();
        transfer::read(&file).unwrap_err()
    };
    assert!(matches!(read("{"), TransferError::NotAChat(_)));
    assert!(matches!(read("{\"format\": \"other\", \"version\": 1}"), TransferError::NotAChat(_)));
    let newer = read("{\"format\": \"reading-room-chat\", \"version\": 9}");
    assert!(newer.to_string().contains("update Reading Room"), "{newer}");
    assert!(matches!(transfer::read(&folder.path().join("none")), Err(TransferError::NotRead(_))));
}

#[test]
fn every_form_of_export_is_for_research_and_can_be_traced() {
    let chat = full();
    let write = |format| transfer::write(&chat, format, Calendar::default()).unwrap();
    for format in [Format::Markdown, Format::Html, Format::Json] {
        let text = write(format);
        for words in [
            "Research use only",
            "仅供研究使用",
            &"ab".repeat(32),
            &chat.turns[0].evidence[0].image_sha256,
            "No nodule.",
            "未见结节",
            "Case 07",
        ] {
            assert!(text.contains(words), "{format:?} lacks {words}");
        }
    }
    let page = write(Format::Html);
    assert_eq!(page.matches("data:image/png;base64,").count(), 5, "with its pictures");
    assert!(!page.contains("<script") && !page.contains("<b>&"), "words become HTML");
    assert!(!page.contains("http://") && !page.contains("https://"));
    assert!(page.contains("default-src 'none'"));
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|part| part == text.as_bytes())
}

/// The program with a data folder of its own.
fn reading_room(args: &[&str], folder: &Path) -> Output {
    let program = env!("CARGO_BIN_EXE_reading-room");
    Command::new(program).args(args).env("READING_ROOM_DATA", folder).output().unwrap()
}

fn run(args: &[&str], folder: &Path) -> String {
    let output = reading_room(args, folder);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn check_one_sentence(args: &[&str], folder: &Path, words: &str) {
    let output = reading_room(args, folder);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {errors}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    assert!(errors.contains(words), "{errors:?} does not say {words:?}");
}

#[test]
fn compared_answers_are_kept_as_answers_to_one_question() {
    let folder = tempfile::tempdir().unwrap();
    let other = "tests/fixtures/models/llava-med-v1.5-tiny/model";
    let models = ["compare", "--save", "--device", "cpu", "--model", MODEL, "--model", other];
    let rest = ["--question", "What is seen?", "--max-new-tokens", "6", "--json"];
    let printed: Value =
        serde_json::from_str(&run(&[&models[..], &rest].concat(), folder.path())).unwrap();
    let list: Value =
        serde_json::from_str(&run(&["history", "list", "--json"], folder.path())).unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1);
    let id = list[0]["id"].as_str().unwrap();
    let shown: Value =
        serde_json::from_str(&run(&["history", "show", id, "--json"], folder.path())).unwrap();
    let answers = shown["turns"][0]["answers"].as_array().unwrap();
    let texts: Vec<&str> = answers.iter().map(|one| one["text"].as_str().unwrap()).collect();
    let said = printed["answers"].as_array().or(printed["models"].as_array()).unwrap();
    let said: Vec<&str> = said.iter().map(|one| one["text"].as_str().unwrap()).collect();
    assert_eq!(texts, said);
    assert_eq!(texts.len(), 2);
}

#[test]
fn several_questions_are_a_chat_of_each_model_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let other = "tests/fixtures/models/llava-med-v1.5-tiny/model";
    let models = ["compare", "--save", "--device", "cpu", "--model", MODEL, "--model", other];
    let asked = ["--image", "assets/sample/ct-torso/10.dcm", "--question", "What is seen?"];
    let rest = ["--question", "Which organ?", "--max-new-tokens", "6", "--json"];
    let printed = run(&[&models[..], &asked, &rest].concat(), folder.path());
    let printed: Value = serde_json::from_str(&printed).unwrap();
    let reports = printed.as_array().expect("a report for each question");
    assert_eq!(reports.len(), 2);
    assert_eq!(reports[1]["question"], "Which organ?");
    let text = |question: usize, model: usize| -> String {
        reports[question]["answers"][model]["text"].as_str().unwrap().to_owned()
    };
    assert_ne!(text(0, 0), text(0, 1));
    let second = reports[1]["answers"].as_array().unwrap();
    for (model, answer) in second.iter().enumerate() {
        let prompt = answer["prompt"].as_str().unwrap();
        assert!(prompt.contains(text(0, model).trim()), "{prompt}");
        assert!(!prompt.contains(text(0, 1 - model).trim()), "{prompt}");
    }
    let database = Database::open(folder.path()).unwrap();
    let chat = database.load(database.list().unwrap()[0].id).unwrap();
    drop(database);
    assert_eq!(chat.turns.len(), 2);
    for (question, turn) in chat.turns.iter().enumerate() {
        let texts: Vec<&str> = turn.answers.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(texts, [text(question, 0), text(question, 1)]);
    }
    // and each can be had again
    let id = chat_id_text(chat.id);
    for (number, model) in [("1", MODEL), ("2", other)] {
        let which = ["--turn", "2", "--answer", number, "--device", "cpu", "--model", model];
        let said = run(&[&["history", "replay", &id][..], &which].concat(), folder.path());
        assert!(said.starts_with("Identical"), "{said}");
    }
}

#[test]
fn a_headless_answer_is_kept_and_names_no_patient() {
    let folder = tempfile::tempdir().unwrap();
    let slice = "assets/sample/ct-torso/10.dcm";
    let question = "What modality is this?";
    let args = ["ask", "--save", "--model", MODEL, "--device", "cpu", "--max-new-tokens", "12"];
    let printed =
        run(&[&args[..], &["--image", slice, "--question", question]].concat(), folder.path());
    let picture = ["--image", "assets/sample/ct-torso/11.dcm"];
    run(&[&args[..], &picture, &["--question", "And this?"]].concat(), folder.path());

    let list: Value =
        serde_json::from_str(&run(&["history", "list", "--json"], folder.path())).unwrap();
    let titles: Vec<&str> =
        list.as_array().unwrap().iter().map(|chat| chat["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["And this?", question], "newest first");
    assert_eq!(list[1]["study"], "Case 01");
    assert_eq!(list[0]["study"], "Case 01", "one study, one alias");
    assert_eq!(list[1]["modality"], "CT");
    let id = list[1]["id"].as_str().unwrap();
    let shown: Value =
        serde_json::from_str(&run(&["history", "show", id, "--json"], folder.path())).unwrap();
    let stored = shown["turns"][0]["answers"][0]["text"].as_str().unwrap();
    assert_eq!(stored.trim_end(), printed.trim_end());
    assert_eq!(shown["turns"][0]["evidence"][0]["label"], "CT · W 300 L 40");
    let text = run(&["history", "show", &id[..6]], folder.path());
    assert!(text.contains(question) && text.contains("Case 01"), "{text}");

    let page = folder.path().join("page.html").display().to_string();
    run(&["history", "export", id, "--format", "html", "--out", &page], folder.path());
    let json = folder.path().join("chat.json").display().to_string();
    run(&["history", "export", id, "--format", "json", "--out", &json], folder.path());
    let other = tempfile::tempdir().unwrap();
    assert_eq!(run(&["history", "import", &json], other.path()).trim(), id);
    let exported = run(&["history", "export", id, "--format", "json"], other.path());
    assert_eq!(exported, fs::read_to_string(&json).unwrap());

    // nothing that identifies is in any byte of any file
    let path = Path::new("assets/sample/ct-torso");
    let opened = open_paths(&[path.to_owned()], &mut |_| std::ops::ControlFlow::Continue(()));
    let study = &opened.unwrap().studies[0];
    let instance = &study.series[0].instances[9];
    let mut secrets = vec![
        study.key.clone(),
        study.series[0].key.clone(),
        instance.sop_instance_uid.clone(),
        "10.dcm".to_owned(),
        "ct-torso".to_owned(),
        "Sample^Torso".to_owned(),
        "SAMPLE-1".to_owned(),
    ];
    let patient = &study.patient;
    secrets.extend([patient.name.clone(), patient.id.clone()].into_iter().flatten());
    secrets.extend(patient.birth_date.clone());
    for entry in fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for secret in &secrets {
            assert!(!contains(&bytes, secret), "{secret} is in {}", path.display());
        }
    }
}

#[test]
fn a_kept_answer_is_asked_for_again_without_a_window() {
    let folder = tempfile::tempdir().unwrap();
    let picture = ["--image", "assets/sample/ct-torso/10.dcm", "--question", "What is seen?"];
    let args = ["ask", "--save", "--model", MODEL, "--device", "cpu", "--max-new-tokens", "12"];
    let how = ["--temperature", "1.0", "--seed", "7"];
    run(&[&args[..], &how, &picture].concat(), folder.path());
    let id = chat_id_text(Database::open(folder.path()).unwrap().list().unwrap()[0].id);
    let replay = ["history", "replay", &id, "--device", "cpu", "--model", MODEL];
    let said = run(&replay, folder.path());
    assert!(said.starts_with("Identical, ") && said.contains(" tokens"), "{said}");
    let json = run(&[&replay[..], &["--json"]].concat(), folder.path());
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["identical"], true);
    assert_eq!(json["precision"], json["precision_before"]);
    let other = "tests/fixtures/models/llava-med-v1.5-tiny/model";
    check_one_sentence(&["history", "replay", &id, "--model", other], folder.path(), "weights");
    check_one_sentence(&[&replay[..], &["--turn", "2"]].concat(), folder.path(), "no question 2");
    // an answer that came out otherwise is told by its first other token
    let mut database = Database::open(folder.path()).unwrap();
    let mut chat = database.load(database.list().unwrap()[0].id).unwrap();
    let tokens = chat.turns[0].answers[0].tokens.as_mut().unwrap();
    Arc::make_mut(tokens).written[3].id ^= 1;
    chat.changed_ms += 1;
    database.save(&chat, None).unwrap();
    drop(database);
    let output = reading_room(&replay, folder.path());
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("Differs from token 4 of "), "{said}");
}

#[test]
fn a_headless_picture_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("drawn.png").display().to_string();
    let model = "tests/fixtures/models/m3-gen-tiny/HealthGPT-M3";
    let slice = "assets/sample/ct-torso/10.dcm";
    let args = ["reconstruct", "--save", "--model", model, "--device", "cpu", "--image", slice];
    run(&[&args[..], &["--out", &out]].concat(), folder.path());
    let database = Database::open(folder.path()).unwrap();
    let chat = database.load(database.list().unwrap()[0].id).unwrap();
    assert!(chat.turns[0].wants_picture);
    let drawing = chat.turns[0].answers[0].drawing.as_ref().unwrap();
    assert!(!drawing.codes.is_empty() && drawing.original.is_some());
    let picture = drawing.picture.as_deref().unwrap();
    let written = image::open(&out).unwrap();
    assert_eq!((picture.width, picture.height), (written.width(), written.height()));
    assert_eq!(picture.to_rgb8(), written.to_rgb8().into_raw());
    let (id, count) = (chat_id_text(chat.id), drawing.codes.len());
    let said = run(&["history", "replay", &id, "--device", "cpu", "--model", model], folder.path());
    assert_eq!(said.trim_end(), format!("Identical, {count} of {count} tokens"));
}

#[test]
fn earlier_turns_and_failures_are_kept_too() {
    let folder = tempfile::tempdir().unwrap();
    let past = folder.path().join("past.json");
    fs::write(&past, "[[\"What is this?\", \"A CT.\"]]").unwrap();
    let past = past.display().to_string();
    let args = ["ask", "--save", "--model", MODEL, "--device", "cpu", "--max-new-tokens", "4"];
    run(&[&args[..], &["--history", &past, "--question", "Sure?"]].concat(), folder.path());
    // more than the model can read: it fails after the question was kept
    let long = "why ".repeat(6000);
    let output = reading_room(&[&args[..], &["--question", &long]].concat(), folder.path());
    assert_eq!(output.status.code(), Some(1));
    let database = Database::open(folder.path()).unwrap();
    let list = database.list().unwrap();
    let failed = database.load(list[0].id).unwrap();
    assert!(matches!(&failed.turns[0].answers[0].state, AnswerState::Failed(_)));
    let chat = database.load(list[1].id).unwrap();
    assert_eq!(chat.title, "What is this?");
    assert_eq!(chat.turns[0].answers[0].text, "A CT.");
    assert_eq!(chat.turns[1].question, "Sure?");
    assert!(chat.turns[1].answers[0].provenance.is_some());
}

#[test]
fn a_chat_is_named_by_the_beginning_of_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let mut database = Database::open(folder.path()).unwrap();
    let (mut one, mut two) = (short("one", "1"), short("two", "2"));
    (one.id, two.id) = (0xABC0_0000_0001, 0xABC0_0000_0002);
    database.save(&one, None).unwrap();
    database.save(&two, None).unwrap();
    assert_eq!(chat_id_text(one.id), "abc000000001");
    assert_eq!(database.find("ABC000000002").unwrap(), two.id);
    check_one_sentence(&["history", "show", "abc"], folder.path(), "more than one");
    check_one_sentence(&["history", "show", "ff"], folder.path(), "no chat ff");
    check_one_sentence(&["history", "import", "none.json"], folder.path(), "could not be read");
    let found = run(&["history", "list", "--search", "two"], folder.path());
    assert!(found.contains("abc000000002") && !found.contains("abc000000001"), "{found}");
}

#[test]
fn a_measured_history_prints_its_figures() {
    let folder = tempfile::tempdir().unwrap();
    let said = run(&["bench", "--history", "30", "--json"], folder.path());
    let figures: Value = serde_json::from_str(&said).unwrap();
    assert_eq!((&figures["chats"], &figures["questions"]), (&30.into(), &600.into()));
    assert_eq!(figures["search"][0]["found"], 1, "the needle");
    for key in ["write_ms", "start_ms", "save_ms", "open_chat_ms"] {
        assert!(figures[key].as_f64().unwrap() > 0.0, "{key}");
    }
}

#[test]
fn marks_are_keyed_hashes() {
    // RFC 4231, test cases 2 and 6
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    assert_eq!(
        hex(&hmac_sha256(b"Jefe", b"what do ya want for nothing?")),
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    );
    let text = b"Test Using Larger Than Block-Size Key - Hash Key First";
    assert_eq!(
        hex(&hmac_sha256(&[0xAA; 131], text)),
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    );
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mark = |folder: &Path| Database::open(folder).unwrap().marker().study("1.2.3");
    assert_eq!(mark(one.path()), mark(one.path()), "the key stays");
    assert_ne!(mark(one.path()), mark(two.path()), "each folder has its own");
}

#[test]
fn chats_are_grouped_by_day() {
    const DAY: u64 = 86_400_000;
    let calendar = Calendar { offset_secs: 3600 };
    // 2026-11-29 00:30 here, still the day before in universal time
    let now = 1_795_908_600_000;
    assert_eq!(calendar.moment(now), "2026-11-29 00:30");
    let group = |ago: u64| calendar.group(now - ago, now);
    assert_eq!(group(0), "Today");
    assert_eq!(group(DAY / 24), "Yesterday");
    assert_eq!(group(7 * DAY), "Previous 7 days");
    assert_eq!(group(8 * DAY), "November");
    assert_eq!(group(300 * DAY), "February");
    assert_eq!(group(400 * DAY), "October 2025");
    assert_eq!(Calendar::default().moment(951_782_400_000), "2000-02-29 00:00");
}

#[test]
fn a_replay_names_the_first_token_that_differs() {
    let before = tokens(&["No", " nodule", "."]);
    let said = |now: &reading_room::chat::Tokens| now.compared_with(&before).to_string();
    assert_eq!(said(&before), "Identical, 3 of 3 tokens");
    let mut other = before.clone();
    other.written[1].id = 99;
    other.written[1].text = " mass".to_owned();
    assert_eq!(said(&other), "Differs from token 2 of 3 on: “nodule” before, “mass” now");
    other.written.truncate(1);
    assert_eq!(said(&other), "Differs from token 2 of 3 on: “nodule” before, nothing now");
    other.prompt_ids.push(3);
    assert_eq!(said(&other), "Not comparable: pictures or earlier answers were others");
}
