//! Questions about a region of the view, driven by role and label: the part alone, the part marked,
//! the part erased, and whether an answer minds its picture.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests fail loudly")]

#[expect(dead_code, reason = "shared with the other tests of the window")]
#[path = "support/app_harness.rs"]
mod app_harness;
#[expect(dead_code, reason = "shared with other tests")]
#[path = "support/dicom_builder.rs"]
mod dicom_builder;

use app_harness::App;
use dicom_builder::DicomBuilder;
use egui::{Key, Pos2, Role, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use reading_room::app::{AppEvent, Command, Effect, ThemeChoice, Tool};
use reading_room::chat::{Evidence, Reliance};
use reading_room::imaging::{Alteration, Channels, DisplayImage, Shape, ShapeKind, Turned};
use reading_room::vlm::{Answer, FinishReason, Question, Step, Timings, YesNo};
use reading_room::worker::EngineEvent;

/// Side of the pictures made here.
const SIDE: u16 = 128;

/// Three slices of noise-like tissue, so that every pixel matters, around a bright block.
fn study() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let is_block = |x: u16, y: u16| (40..60).contains(&x) && (30..50).contains(&y);
    for number in 1..=3_u16 {
        let at = |idx: u16| match (idx % SIDE, idx / SIDE) {
            (x, y) if is_block(x, y) => 1264,
            (x, y) => 964 + (x * 7 + y * 13 + number * 31) % 128,
        };
        let pixels: Vec<u8> = (0..SIDE * SIDE).flat_map(|idx| at(idx).to_le_bytes()).collect();
        let z = 2.0 * f64::from(number);
        DicomBuilder::new(SIDE, SIDE, 16)
            .slice(number.into(), [0.0, 0.0, z], [1.0, 0.0, 0.0, 0.0, 1.0, 0.0])
            .text((0x0008, 0x0018), "UI", &format!("1.2.3.{number}"))
            .text((0x0028, 0x1050), "DS", "40")
            .text((0x0028, 0x1051), "DS", "400")
            .text((0x0028, 0x1052), "DS", "-1024")
            .text((0x0028, 0x1053), "DS", "1")
            .pixels(&pixels)
            .write(folder.path(), &format!("{number}.dcm"));
    }
    folder
}

/// That study with a model that answers when the test says so.
fn window() -> (App, tempfile::TempDir) {
    let folder = study();
    let mut app = App::new();
    app.open(folder.path());
    app.pretend_model();
    (app, folder)
}

fn press(app: &mut App, key: Key) {
    app.harness.key_press(key);
    app.settle();
}

fn run(app: &mut App, command: Command) {
    app.harness.state_mut().state_mut().run(command);
    app.settle();
}

fn click(app: &mut App, label: &str) {
    app.harness.get_by_label(label).click();
    app.settle();
}

/// Where a place of the picture as it stands on the screen is.
fn at(app: &App, (x, y): (f32, f32)) -> Pos2 {
    let rect = app.harness.get_by_role(Role::Image).rect();
    let side = f32::from(SIDE);
    rect.center() + vec2(x - side / 2.0, y - side / 2.0) * (rect.size().min_elem() / side)
}

/// Draws with the mouse from one place of the screen's picture to another.
fn draw(app: &mut App, kind: ShapeKind, from: (f32, f32), to: (f32, f32)) -> Shape {
    // a key would be typed where the question box has the keyboard
    run(app, Command::SetTool(Tool::Measure(kind)));
    let (from, to) = (at(app, from), at(app, to));
    app.harness.hover_at(from);
    app.harness.run_steps(1);
    app.harness.drag_at(from);
    app.harness.run_steps(1);
    for step in 1..=4 {
        app.harness.hover_at(from + (to - from) * (step as f32 / 4.0));
        app.harness.run_steps(1);
    }
    app.harness.drop_at(to);
    app.settle();
    run(app, Command::SetTool(Tool::Window));
    app.state().measurements.all().last().unwrap().shape.clone()
}

fn draw_block(app: &mut App) -> Shape {
    draw(app, ShapeKind::Rectangle, (40.3, 30.3), (59.7, 49.7))
}

fn ask(app: &mut App, question: &str) {
    app.type_question(question);
    app.settle();
}

fn answer(app: &mut App, text: &str, yes_no: YesNo) {
    let job = app.asking_job();
    let answer = Box::new(model_answer(text, yes_no));
    app.apply(AppEvent::Engine(EngineEvent::Answered { job, answer, peak_rss_mb: 1 }));
    app.apply(AppEvent::Engine(EngineEvent::Finished { job }));
    app.settle();
}

fn model_answer(text: &str, yes_no: YesNo) -> Answer {
    Answer {
        prompt: String::new(),
        prompt_ids: vec![1, -200, 3],
        output_ids: vec![7; 4],
        begun: 0,
        text: text.to_owned(),
        codes: Vec::new(),
        finish_reason: FinishReason::Stop,
        logprobs: vec![0.0; 4],
        steps: vec![Step::default(); 4],
        yes_no: Some(yes_no),
        seen: Vec::new(),
        timings: Timings::default(),
    }
}

const YES: YesNo = YesNo { yes: 0.75, no: 0.05 };
const NO: YesNo = YesNo { yes: 0.2, no: 0.6 };

fn evidence(app: &App, turn_idx: usize) -> &Evidence {
    &app.state().conversation().turns[turn_idx].evidence[0]
}

fn picture(evidence: &Evidence) -> &DisplayImage {
    evidence.image.as_deref().unwrap()
}

fn question_of(effects: Vec<Effect>) -> Question {
    let Some(Effect::Ask(_, question)) = effects.into_iter().next_back() else { panic!() };
    *question
}

/// Columns and rows of the pixels that are not the same: first, and past the last.
fn changed(before: &DisplayImage, after: &DisplayImage) -> [usize; 4] {
    let (before, after) = (before.to_rgb8(), after.to_rgb8());
    let pixels = before.chunks_exact(3).zip(after.chunks_exact(3)).enumerate();
    let side = usize::from(SIDE);
    let differ = pixels.filter(|(_, (a, b))| a != b).map(|(idx, _)| (idx % side, idx / side));
    differ.fold([side, side, 0, 0], |[x0, y0, x1, y1], (x, y)| {
        [x0.min(x), y0.min(y), x1.max(x + 1), y1.max(y + 1)]
    })
}

#[test]
fn a_region_alone_goes_with_the_question_and_leads_back_to_its_slice() {
    let (mut app, _folder) = window();
    assert!(app.harness.query_by_label("Zoom-ask").is_none());
    draw_block(&mut app);
    click(&mut app, "Zoom-ask");
    app.harness.get_by_label("Attached region");
    assert!(app.painted().contains("region 37,27 26×26"), "{}", app.painted());
    shoot(&mut app, "region-1-zoom-ask");
    ask(&mut app, "What is this?");
    let sent = evidence(&app, 0);
    assert_eq!(sent.altered.as_ref().unwrap().how, Alteration::Crop([37, 27, 26, 26]));
    assert_eq!((picture(sent).width, picture(sent).height), (26, 26));
    assert_eq!(app.state().attached, None);
    answer(&mut app, "A block.", YES);
    // the view itself was not sent yet
    app.harness.get_by_label("Attached view");
    run(&mut app, Command::FirstFrame);
    assert!(app.harness.query_by_label("Zoom-ask").is_none(), "the region is on another slice");
    click(&mut app, "Go to evidence");
    assert_eq!(app.state().active_viewport().place.as_ref().unwrap().frame_idx, 1);
    app.harness.get_by_label("Zoom-ask");
    // what was attached can be taken off again
    click(&mut app, "Zoom-ask");
    click(&mut app, "Do not attach this region");
    app.harness.get_by_label("Attached view");
}

#[test]
fn a_mark_is_in_the_models_picture_only() {
    let (mut app, _folder) = window();
    let shape = draw(&mut app, ShapeKind::Ellipse, (40.3, 30.3), (59.7, 49.7));
    click(&mut app, "Mark & ask");
    ask(&mut app, "What is marked?");
    let sent = evidence(&app, 0).clone();
    let altered = sent.altered.clone().unwrap();
    assert_eq!(altered.how, Alteration::Mark(shape));
    assert_eq!(picture(&sent).channels, Channels::Rgb);
    answer(&mut app, "A block.", YES);
    ask(&mut app, "And all of it?");
    let whole = evidence(&app, 1);
    assert_eq!(whole.altered, None);
    assert_eq!(whole.image_sha256, altered.whole_sha256);
    assert_eq!(picture(whole).channels, Channels::Gray);
    assert_eq!(changed(picture(whole), picture(&sent)), [39, 29, 61, 51]);
}

#[test]
fn a_region_is_erased_and_the_same_is_asked_again() {
    let (mut app, _folder) = window();
    let shape = draw_block(&mut app);
    let node = app.harness.get_by_label("Erase & re-ask");
    assert!(node.accesskit_node().is_disabled(), "nothing was asked yet");
    ask(&mut app, "Is there a block?");
    answer(&mut app, "Yes, there is a block on the left.", YES);
    ask(&mut app, "Is it bright?");
    assert!(app.state().conversation().turns[1].evidence.is_empty());
    answer(&mut app, "Yes, it is.", YES);
    // the follow-up has the first question's picture: it is altered there
    let question = question_of(app.effects_of(Command::EraseAsk));
    assert_eq!(question.text, "Is it bright?");
    assert_eq!(question.history.len(), 1);
    assert!(question.images.is_empty());
    let whole = picture(evidence(&app, 0)).clone();
    let given = &question.history[0].images[0];
    assert_eq!(changed(&whole, given), [40, 30, 60, 50]);
    assert_eq!(given, picture(evidence(&app, 2)));
    let sent = evidence(&app, 2);
    let altered = sent.altered.as_ref().unwrap();
    assert_eq!(altered.how, Alteration::Erase(shape));
    assert_eq!(altered.whole_sha256, evidence(&app, 0).image_sha256);
    assert!(sent.label.contains("erased rectangle 40,30 20×20"), "{}", sent.label);
    answer(&mut app, "No, it is not.", NO);
    app.harness.get_by_label("P(yes) 94 % → 25 % · ΔP(yes) −69 points · uncalibrated");
    app.harness.get_by_label("Contradict");
    app.harness.get_by_label("Region erased");
    let told = "Question 2 again, as it was asked then; later questions do not build on this";
    app.harness.get_by_label(told);
    shoot(&mut app, "region-2-erased");
    // nothing later builds on it
    let effects = app.effects_of(Command::Ask {
        question: "And now?".to_owned(),
        with_view: false,
        again_of: None,
    });
    let question = question_of(effects);
    let told: Vec<&str> = question.history.iter().map(|turn| turn.question.as_str()).collect();
    assert_eq!(told, ["Is there a block?", "Is it bright?"]);
    assert_eq!(question.history[0].images, [whole]);
}

#[test]
fn an_erased_question_is_sampled_as_the_one_it_repeats() {
    let (mut app, _folder) = window();
    draw_block(&mut app);
    app.harness.state_mut().state_mut().settings.sampling.max_new_tokens = 17;
    ask(&mut app, "Is there a block?");
    answer(&mut app, "Yes.", YES);
    app.harness.state_mut().state_mut().settings.sampling.max_new_tokens = 99;
    let question = question_of(app.effects_of(Command::EraseAsk));
    assert_eq!((question.text.as_str(), question.max_new_tokens), ("Is there a block?", 17));
    assert!(question.history.is_empty());
    assert_eq!(question.images.len(), 1);
}

#[test]
fn an_erased_picture_can_be_asked_something_else() {
    let (mut app, _folder) = window();
    draw_block(&mut app);
    ask(&mut app, "Is there a block?");
    answer(&mut app, "Yes.", YES);
    click(&mut app, "Erase & re-ask");
    answer(&mut app, "No.", NO);
    run(
        &mut app,
        Command::Ask { question: "What then?".to_owned(), with_view: false, again_of: Some(1) },
    );
    let turn = &app.state().conversation().turns[1];
    assert!(!turn.is_experiment(), "it repeats nothing");
    assert!(matches!(evidence(&app, 1).altered.as_ref().unwrap().how, Alteration::Erase(_)));
    answer(&mut app, "Air.", NO);
    let next = Command::Ask { question: "And now?".to_owned(), with_view: false, again_of: None };
    let question = question_of(app.effects_of(next));
    assert_eq!(question.history.len(), 2, "so later questions build on it");
}

#[test]
fn a_region_of_a_mirrored_and_turned_view_is_where_it_is_seen() {
    let turns: [(&[Key], Turned); 3] = [
        (&[Key::H], Turned::default().flipped_horizontally()),
        (&[Key::CloseBracket], Turned::default().rotated_right()),
        (&[Key::V, Key::CloseBracket], Turned::default().flipped_vertically().rotated_right()),
    ];
    for (keys, turned) in turns {
        let (mut app, _folder) = window();
        keys.iter().for_each(|key| press(&mut app, *key));
        assert_eq!(app.state().active_viewport().view.transform.turned, turned);
        ask(&mut app, "Is there a block?");
        answer(&mut app, "Yes.", YES);
        draw(&mut app, ShapeKind::Rectangle, (70.3, 20.3), (89.7, 59.7));
        click(&mut app, "Erase & re-ask");
        let whole = picture(evidence(&app, 0)).clone();
        let erased = picture(evidence(&app, 1));
        assert_eq!(changed(&whole, erased), [70, 20, 90, 60], "{turned:?}");
        answer(&mut app, "No.", NO);
        click(&mut app, "Zoom-ask");
        let attached = app.state().attached.clone().unwrap();
        let part = whole.crop(67, 14, 26, 52).unwrap();
        assert_eq!(*picture(&attached), part, "{turned:?}");
    }
}

#[test]
fn a_question_about_another_window_or_slice_is_not_asked_again() {
    let (mut app, _folder) = window();
    draw_block(&mut app);
    ask(&mut app, "Is there a block?");
    answer(&mut app, "Yes.", YES);
    let is_enabled = |app: &App| Command::EraseAsk.is_enabled(app.state());
    assert!(is_enabled(&app));
    run(&mut app, Command::Invert);
    assert!(!is_enabled(&app));
    run(&mut app, Command::Invert);
    assert!(is_enabled(&app));
    run(&mut app, Command::StepFrame(1));
    assert!(!Command::ZoomAsk.is_enabled(app.state()), "the region is on another slice");
    run(&mut app, Command::StepFrame(-1));
    app.harness.get_by_label("Zoom-ask");
    run(&mut app, Command::CycleOverlays);
    run(&mut app, Command::CycleOverlays);
    assert!(app.harness.query_by_label("Zoom-ask").is_none(), "the region is not to be seen");
    run(&mut app, Command::CycleOverlays);
    run(&mut app, Command::StepFrame(1));
    assert!(app.harness.query_by_label("Zoom-ask").is_none());
}

#[test]
fn menus_offer_what_the_bar_offers() {
    let (mut app, _folder) = window();
    app.harness.get_by_label("Image").click();
    app.settle();
    app.harness.get_by_label("Region").click();
    app.settle();
    for label in ["Zoom-ask", "Mark & ask", "Erase & re-ask"] {
        let node = app.harness.get_by_label(label);
        assert!(node.accesskit_node().is_disabled(), "{label}");
    }
}

#[test]
fn a_blind_test_says_whether_the_picture_matters() {
    for (blank, noise, expected) in [
        ("Yes, a block.", "Yes, it is there.", Reliance::None),
        ("No, there is none.", "Yes, a block.", Reliance::Low),
        ("No, there is none.", "No.", Reliance::High),
    ] {
        let (mut app, _folder) = window();
        ask(&mut app, "Is there a block?");
        answer(&mut app, "Yes, a block.", YES);
        let whole = picture(evidence(&app, 0)).clone();
        click(&mut app, "Blind test");
        assert_eq!(app.state().engine.queue.len(), 1, "noise waits for blank");
        answer(&mut app, blank, NO);
        assert_eq!(app.state().conversation().reliance(0), None);
        answer(&mut app, noise, YES);
        let (grey, random) = (picture(evidence(&app, 1)), picture(evidence(&app, 2)));
        assert!(grey.pixels.iter().all(|sample| *sample == 128));
        for blind in [grey, random] {
            assert_eq!((blind.width, blind.height), (whole.width, whole.height));
        }
        assert_eq!(app.state().conversation().reliance(0), Some(expected));
        app.harness.get_by_label("Blank picture");
        app.harness.get_by_label("Noise");
        assert!(app.words().contains(expected.title()), "{}", app.words());
        if expected == Reliance::None {
            shoot(&mut app, "region-3-blind");
        }
    }
}

/// The slice that is asked now answers.
fn slice_answers(app: &mut App, yes_no: YesNo) {
    let (job, _) = app.state().strip.as_ref().unwrap().asking.unwrap();
    let answer = Box::new(model_answer("Yes", yes_no));
    app.apply(AppEvent::Engine(EngineEvent::Answered { job, answer, peak_rss_mb: 1 }));
    app.apply(AppEvent::Engine(EngineEvent::Finished { job }));
    app.settle();
}

/// A question for yes or no was asked about the middle slice.
fn asked() -> (App, tempfile::TempDir) {
    let (mut app, folder) = window();
    assert!(!Command::AskSlices.is_enabled(app.state()));
    ask(&mut app, "Is there a block?");
    answer(&mut app, "Yes.", YES);
    (app, folder)
}

#[test]
fn every_slice_is_asked_and_the_curve_leads_to_them() {
    let (mut app, _folder) = asked();
    run(&mut app, Command::AskSlices);
    for yes_no in [NO, YES, YesNo { yes: 0.01, no: 0.02 }] {
        slice_answers(&mut app, yes_no);
    }
    let strip = app.state().strip.as_ref().unwrap();
    assert!(!strip.is_under_way());
    assert_eq!(strip.question, "Is there a block?");
    let curve = "P(yes) over slices, 3 of 3 asked: slice 1 25 %, slice 2 94 %, slice 3 unclear";
    let rect = app.harness.get_by_label(curve).rect();
    assert_eq!(app.state().conversation().turns.len(), 1, "slices are no questions of the chat");
    shoot(&mut app, "region-7-slices");
    for (at, frame_idx) in [(rect.top() + 9.0, 0), (rect.bottom() - 9.0, 2)] {
        let pos = egui::pos2(rect.center().x, at);
        app.harness.hover_at(pos);
        app.harness.run_steps(1);
        app.harness.drag_at(pos);
        app.harness.run_steps(1);
        app.harness.drop_at(pos);
        app.settle();
        assert_eq!(app.state().active_viewport().place.as_ref().unwrap().frame_idx, frame_idx);
    }
    click(&mut app, "Close slice strip");
    assert!(app.state().strip.is_none());
    assert!(app.harness.query_by_label(curve).is_none());
    // it is kept with the chat, whose line brings it back
    click(&mut app, "P(yes) over 3 of 3 slices, highest 94 % at slice 2");
    app.harness.get_by_label(curve);
    assert!(app.state().strip.is_none(), "nothing is asked for it");
    shoot(&mut app, "region-8-kept");
    run(&mut app, Command::NewChat);
    assert!(app.harness.query_by_label(curve).is_none(), "it belongs to the other chat");
}

#[test]
fn asking_slices_can_be_stopped_and_ends_with_the_engine() {
    let (mut app, _folder) = asked();
    run(&mut app, Command::AskSlices);
    slice_answers(&mut app, YES);
    let job = app.state().strip.as_ref().unwrap().asking.unwrap().0;
    click(&mut app, "Stop asking slices");
    let place = app.state().active_viewport().place.as_ref();
    assert_eq!(place.unwrap().frame_idx, 1, "the button leads nowhere");
    let strip = app.state().strip.as_ref().unwrap();
    assert!(!strip.is_under_way());
    assert_eq!((strip.answers.len(), strip.num_slices()), (1, 1), "what came stays");
    // what the engine still says of it goes nowhere
    app.apply(AppEvent::Engine(EngineEvent::Finished { job }));
    app.settle();
    assert!(app.state().engine.is_loaded());
    run(&mut app, Command::AskSlices);
    let job = app.state().strip.as_ref().unwrap().asking.unwrap().0;
    let message = "the engine ended".to_owned();
    app.apply(AppEvent::Engine(EngineEvent::Failed { job, message }));
    app.settle();
    assert!(!app.state().strip.as_ref().unwrap().is_under_way());
    assert!(app.words().contains("The slices are not asked any further: the engine ended"));
}

fn shoot(app: &mut App, name: &str) {
    let Some(folder) = std::env::var_os("READING_ROOM_SHOTS") else { return };
    let path = std::path::PathBuf::from(folder).join(format!("{name}.png"));
    app.harness.render().unwrap().save(path).unwrap();
}

#[test]
fn regions_can_be_looked_at() {
    if std::env::var_os("READING_ROOM_SHOTS").is_none() {
        println!("skipped: READING_ROOM_SHOTS names no folder");
        return;
    }
    let mut app = App::with_ct();
    app.pretend_model();
    run(&mut app, Command::SetTheme(ThemeChoice::Light));
    ask(&mut app, "Is there a lesion in the liver?");
    answer(&mut app, "Yes, there is a lesion in the right lobe of the liver.", YES);
    draw(&mut app, ShapeKind::Ellipse, (30.0, 40.0), (55.0, 70.0));
    shoot(&mut app, "region-4-bar");
    click(&mut app, "Erase & re-ask");
    answer(&mut app, "No, there is no lesion in the liver.", NO);
    click(&mut app, "Mark & ask");
    shoot(&mut app, "region-5-beside");
    ask(&mut app, "What is marked?");
    answer(&mut app, "The right lobe of the liver.", YES);
    let turns = app.state().conversation().turns.len();
    run(&mut app, Command::LookAtEvidence { turn_idx: turns - 1, evidence_idx: 0 });
    shoot(&mut app, "region-6-marked");
}
