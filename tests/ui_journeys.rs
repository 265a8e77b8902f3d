//! What people do with a chat, from end to end: real workers and a tiny checkpoint answer, and the
//! window is driven by role and label.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests fail loudly")]

#[path = "support/app_harness.rs"]
#[expect(dead_code, reason = "shared with tests that pretend a model")]
mod app_harness;

use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use app_harness::{App, sample};
use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use reading_room::app::{AppState, Command, Workers};
use reading_room::chat::{Answer, AnswerState, Finish};
use reading_room::imaging::{Point, Shape, ShapeKind};

/// One at a time: each has a model of its own.
static TURN: Mutex<()> = Mutex::new(());

/// A study is open and a model answers, in at most so many tokens.
fn ready(max_new_tokens: u32) -> (App, MutexGuard<'static, ()>) {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    reading_room::worker::use_executable(env!("CARGO_BIN_EXE_reading-room").into());
    let model = "tests/fixtures/models/huatuo-7b-tiny/model";
    let mut app = App::start(
        tempfile::tempdir().unwrap(),
        |ctx| Some(Workers::start(ctx)),
        |options| {
            options.paths = vec![sample("ct-torso")];
            options.model = Some(Path::new(env!("CARGO_MANIFEST_DIR")).join(model));
        },
    );
    app.wait_for("picture", |state| {
        let place = state.active_viewport().place.as_ref();
        place
            .and_then(|place| {
                let (_, series) = state.studies.series(&place.study_key, &place.series_key)?;
                state.frames.loaded(&series.frame_ref(place.frame_idx)?)
            })
            .is_some()
    });
    app.wait_for("model", |state| state.engine.is_loaded());
    budget(&mut app, max_new_tokens);
    (app, turn)
}

fn budget(app: &mut App, max_new_tokens: u32) {
    app.harness.state_mut().state_mut().settings.sampling.max_new_tokens = max_new_tokens;
}

fn ask(app: &mut App, question: &str) {
    app.type_question(question);
    app.harness.run_steps(3);
}

fn click(app: &mut App, label: &str) {
    app.harness.get_by_label(label).click();
    app.harness.run_steps(3);
}

/// The last of its name: of the last turn.
fn click_last(app: &mut App, label: &str) {
    app.harness.get_all_by_label(label).last().expect(label).click();
    app.harness.run_steps(3);
}

fn shown(state: &AppState, turn_idx: usize) -> Option<&Answer> {
    state.conversation().turns.get(turn_idx)?.shown()
}

fn is_done(state: &AppState, turn_idx: usize) -> bool {
    state.engine.asking.is_none()
        && shown(state, turn_idx).is_some_and(|a| matches!(a.state, AnswerState::Done(_)))
}

fn wait_done(app: &mut App, turn_idx: usize) -> Answer {
    app.wait_for("answer", |state| is_done(state, turn_idx));
    app.harness.run_steps(3);
    shown(app.state(), turn_idx).unwrap().clone()
}

fn wait_failed(app: &mut App, turn_idx: usize) {
    app.wait_for("failure", |state| {
        shown(state, turn_idx).is_some_and(|one| matches!(one.state, AnswerState::Failed(_)))
    });
    app.harness.run_steps(3);
}

/// A picture to look at, where somebody wants to.
fn shoot(app: &mut App, name: &str) {
    let Some(folder) = std::env::var_os("READING_ROOM_SHOTS") else { return };
    let path = Path::new(&folder).join(format!("{name}.png"));
    app.harness.render().unwrap().save(path).unwrap();
}

fn ids(answer: &Answer) -> Vec<u32> {
    answer.tokens.as_ref().unwrap().ids()
}

#[test]
fn stop_and_continue() {
    let (mut app, _turn) = ready(2000);
    ask(&mut app, "Describe everything at length.");
    app.wait_for("text", |state| shown(state, 0).is_some_and(|answer| answer.meter.tokens >= 8));
    app.harness.key_press(Key::Escape);
    app.wait_for("stop", |state| state.engine.asking.is_none());
    app.harness.run_steps(3);
    let stopped = shown(app.state(), 0).unwrap().clone();
    assert_eq!(stopped.state, AnswerState::Stopped);
    let before = ids(&stopped).len();
    budget(&mut app, 16);
    click(&mut app, "Continue");
    let whole = wait_done(&mut app, 0);
    assert_eq!(whole.state, AnswerState::Done(Finish::Length));
    assert_eq!(ids(&whole).len(), before + 16);
    assert_eq!(ids(&whole)[..before], ids(&stopped));
    assert!(whole.text.starts_with(&stopped.text), "{} / {}", stopped.text, whole.text);
    assert_eq!(whole.meter.earlier_tokens, before);
    assert_eq!(app.state().conversation().turns[0].answers.len(), 1);
    // as if it had never been stopped
    click(&mut app, "Replay");
    app.wait_for("replay", |state| {
        state.conversation().turns[0].answers.len() == 2 && is_done(state, 0)
    });
    app.harness.run_steps(3);
    let tokens = before + 16;
    app.harness.get_by_label(&format!("Identical, {tokens} of {tokens} tokens"));
}

#[test]
fn another_word_leads_to_another_answer() {
    let (mut app, _turn) = ready(12);
    ask(&mut app, "What is this?");
    let first = wait_done(&mut app, 0);
    click(&mut app, "Confidence tint");
    let tokens = first.tokens.clone().unwrap();
    let at = 3;
    let word = tokens.written[at].text.clone();
    let other = tokens.written[at].likely.iter().find(|l| l.id != tokens.written[at].id).unwrap();
    // words of the text before it may be the same
    let same = tokens.written[..at].iter().filter(|token| token.text == word).count();
    let label = app.harness.get_all_by_label(&word).nth(same).unwrap();
    label.click();
    app.harness.run_steps(3);
    app.harness.get_by_label("Go on from another word");
    shoot(&mut app, "journey-other-word");
    let percent = f64::from(other.log_prob).exp() * 100.0;
    let blanks = other.text.replace('\n', "⏎").replace(' ', "␣");
    click(&mut app, &format!("{percent:>5.1} %  {blanks}"));
    app.wait_for("second answer", |state| {
        state.conversation().turns[0].answers.len() == 2 && is_done(state, 0)
    });
    let second = shown(app.state(), 0).unwrap().clone();
    assert_eq!(ids(&second)[..at], ids(&first)[..at]);
    assert_eq!(ids(&second)[at], other.id);
    let made = second.tokens.clone().unwrap();
    assert_eq!(made.given, at + 1);
    assert_eq!(made.written[at].log_prob, other.log_prob);
    assert_eq!(made.written[1].likely, tokens.written[1].likely);
    assert_eq!(made.text(), second.text);
    // what the reader chose is part of how it was made
    click(&mut app, "Replay");
    app.wait_for("replay", |state| {
        state.conversation().turns[0].answers.len() == 3 && is_done(state, 0)
    });
    app.harness.run_steps(3);
    assert_eq!(ids(shown(app.state(), 0).unwrap()), ids(&second));
}

#[test]
fn questions_wait_their_turn() {
    // long enough to last until it is stopped
    let (mut app, _turn) = ready(3000);
    ask(&mut app, "Describe everything at length.");
    app.wait_for("text", |state| shown(state, 0).is_some_and(|answer| answer.meter.tokens >= 2));
    ask(&mut app, "And the lungs?");
    ask(&mut app, "And the spine?");
    assert_eq!(app.state().conversation().turns.len(), 1);
    app.harness.get_by_label("Next: And the lungs?");
    app.harness.get_by_label("Next: And the spine?");
    shoot(&mut app, "journey-queue");
    click_last(&mut app, "Take out of the queue");
    assert!(app.harness.query_by_label("Next: And the spine?").is_none());
    budget(&mut app, 4);
    click(&mut app, "Stop");
    app.wait_for("second answer", |state| is_done(state, 1));
    let turns = &app.state().conversation().turns;
    assert_eq!(turns[1].question, "And the lungs?");
    assert_eq!(turns[0].shown().unwrap().state, AnswerState::Stopped);
    assert_eq!(turns.len(), 2);
}

#[test]
fn a_chat_is_forked_and_both_go_on() {
    let (mut app, _turn) = ready(6);
    for (turn_idx, question) in ["What is this?", "Which plane?"].into_iter().enumerate() {
        ask(&mut app, question);
        wait_done(&mut app, turn_idx);
    }
    let first = app.state().conversation().clone();
    app.harness.get_all_by_label("Fork chat").next().unwrap().click();
    app.harness.run_steps(3);
    let fork = app.state().conversation().clone();
    assert_eq!(fork.title, "What is this? (fork)");
    assert_ne!(fork.id, first.id);
    assert_eq!(fork.turns.len(), 1);
    assert_ne!(fork.turns[0].id, first.turns[0].id);
    assert_eq!(fork.turns[0].answers[0].text, first.turns[0].answers[0].text);
    ask(&mut app, "Which plane?");
    let again = wait_done(&mut app, 1);
    // the same was said before, so the same comes
    assert_eq!(ids(&again), ids(first.turns[1].shown().unwrap()));
    assert!(app.state().conversations.contains(&first));
}

#[test]
fn a_chat_longer_than_the_context_is_not_cut_without_asking() {
    let (mut app, _turn) = ready(8);
    let context = app.state().engine.info().unwrap().context_len as usize;
    ask(&mut app, "What is this?");
    wait_done(&mut app, 0);
    // a question that fills most of the context
    let long = " the".repeat(context / 2);
    ask(&mut app, &long);
    wait_done(&mut app, 1);
    ask(&mut app, &long);
    wait_failed(&mut app, 2);
    shoot(&mut app, "journey-too-long");
    let before = app.state().conversation().turns.clone();
    app.harness.get_by_label("Leave out oldest questions").click();
    wait_done(&mut app, 2);
    let turns = &app.state().conversation().turns;
    assert_eq!(turns[..2], before[..2], "nothing is lost");
    let made = turns[2].shown().unwrap().provenance.clone().unwrap();
    assert_eq!(made.left_out, 2);
    let prompt = &turns[2].shown().unwrap().tokens.as_ref().unwrap().prompt;
    assert!(!prompt.contains("What is this?"));
    assert!(prompt.contains("<image>"), "the picture stays");
    assert!(app.harness.query_all_by_label_contains("Not sent any more").count() == 2);
    ask(&mut app, "And now?");
    wait_done(&mut app, 3);
    assert_eq!(shown(app.state(), 3).unwrap().provenance.as_ref().unwrap().left_out, 2);
}

#[test]
fn a_question_that_does_not_fit_is_asked_in_a_chat_of_its_own() {
    let (mut app, _turn) = ready(8);
    let context = app.state().engine.info().unwrap().context_len as usize;
    let long = " the".repeat(context / 2);
    ask(&mut app, &long);
    wait_done(&mut app, 0);
    ask(&mut app, &long);
    wait_failed(&mut app, 1);
    let first = app.state().conversation().clone();
    click(&mut app, "Ask in a new chat");
    wait_done(&mut app, 0);
    let chat = app.state().conversation();
    assert_ne!(chat.id, first.id);
    assert_eq!(chat.turns[0].evidence.len(), 1);
    assert!(app.state().conversations.contains(&first));
}

#[test]
fn edit_regenerate_and_branch() {
    let (mut app, _turn) = ready(6);
    for (turn_idx, question) in ["What is this?", "Which plane?"].into_iter().enumerate() {
        ask(&mut app, question);
        wait_done(&mut app, turn_idx);
    }
    let before = app.state().conversation().turns.clone();
    // the same once more: the window says that it came out the same
    click_last(&mut app, "Answer again");
    wait_done(&mut app, 1);
    app.harness.get_by_label("Identical, 6 of 6 tokens");
    app.harness.key_press_modifiers(Modifiers::ALT, Key::ArrowLeft);
    app.harness.run_steps(3);
    assert_eq!(app.state().conversation().turns[1].shown_idx, 0);
    // the first question in other words, with its picture
    app.harness.get_all_by_label("Edit and ask again").next().unwrap().click();
    app.harness.run_steps(3);
    app.harness.get_by_label("Editing question 1; its first version is kept");
    app.harness.get_by_label("Question").type_text(" Say more.");
    app.harness.run_steps(2);
    app.harness.key_press(Key::Enter);
    app.harness.run_steps(3);
    let edited = wait_done(&mut app, 0);
    let turns = &app.state().conversation().turns;
    assert_eq!(turns.len(), 1, "what followed the first version is aside");
    assert_eq!(turns[0].question, "What is this? Say more.");
    assert_eq!(turns[0].evidence[0].image_sha256, before[0].evidence[0].image_sha256);
    assert!(!edited.tokens.unwrap().prompt.contains("Which plane?"));
    app.harness.get_by_label("2 / 2");
    ask(&mut app, "And the spine?");
    wait_done(&mut app, 1);
    // back, with what followed there, and forth again
    click(&mut app, "Previous version");
    let shown = app.state().conversation().turns.clone();
    assert_eq!(shown.len(), 2);
    assert_eq!((&shown[0], &shown[1].question), (&before[0], &before[1].question));
    assert_eq!(shown[1].answers.len(), 2);
    shoot(&mut app, "journey-versions");
    click(&mut app, "Next version");
    let turns = &app.state().conversation().turns;
    assert_eq!(turns[1].question, "And the spine?");
    assert_eq!(app.state().conversation().aside.len(), 2);
}

#[test]
fn the_last_question_comes_back_with_the_arrow_up() {
    let (mut app, _turn) = ready(4);
    ask(&mut app, "What is this?");
    wait_done(&mut app, 0);
    app.harness.get_by_label("Question").focus();
    app.harness.run_steps(2);
    app.harness.key_press(Key::ArrowUp);
    app.harness.run_steps(3);
    app.harness.get_by_label("Editing question 1; its first version is kept");
}

#[test]
fn a_region_is_erased_and_the_answer_tested_blindly() {
    let (mut app, _turn) = ready(6);
    let place = app.state().active_viewport().place.clone().unwrap();
    let ends = [Point::new(200.0, 180.0), Point::new(264.0, 228.0)];
    let shape = Shape::from_points(ShapeKind::Rectangle, &ends).unwrap();
    app.harness.state_mut().state_mut().run(Command::AddMeasurement { place, shape });
    app.harness.run_steps(3);
    ask(&mut app, "Is there a nodule?");
    let first = wait_done(&mut app, 0);
    click(&mut app, "Erase & re-ask");
    let erased = wait_done(&mut app, 1);
    let tokens = |answer: &Answer| answer.tokens.clone().unwrap();
    assert_eq!(tokens(&erased).prompt_ids, tokens(&first).prompt_ids, "asked as the first time");
    let seen = |answer: &Answer| answer.seen[0].tensor_sha256.clone();
    assert_ne!(seen(&erased), seen(&first));
    app.harness.get_by_label("Region erased");
    click(&mut app, "Blind test");
    wait_done(&mut app, 2);
    let noise = wait_done(&mut app, 3);
    assert_eq!(tokens(&noise).prompt_ids, tokens(&first).prompt_ids);
    let reliance = app.state().conversation().reliance(0).unwrap();
    assert!(app.words().contains(reliance.title()), "{}", app.words());
}
