//! A worker may die at any moment: the job ends, the text so far is kept, the next one works.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a broken test should fail loudly")]
#![cfg(unix)]

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use reading_room::{
    imaging::{Channels, DisplayImage, FrameRef},
    vlm::{Answer, DeviceChoice, FinishReason, Precision, PrecisionChoice, Question},
    worker::{
        DecodeClient, DecodeEvent, EngineClient, EngineEvent, JobId, LoadRequest, use_executable,
    },
};

const PATIENCE: Duration = Duration::from_secs(120);
const MODEL: &str = "tests/fixtures/models/huatuo-7b-tiny/model";
const STUDY: &str = "assets/sample/ct-torso";

fn decoder() -> DecodeClient {
    use_executable(PathBuf::from(env!("CARGO_BIN_EXE_reading-room")));
    DecodeClient::start(Arc::new(|| ()))
}

fn engine() -> EngineClient {
    use_executable(PathBuf::from(env!("CARGO_BIN_EXE_reading-room")));
    EngineClient::start(Arc::new(|| ()))
}

fn kill(pid: Option<u32>) {
    if let Some(pid) = pid {
        let kill = format!("kill -9 {pid}");
        Command::new("sh").args(["-c", &kill]).stderr(Stdio::null()).status().unwrap();
    }
}

fn request() -> LoadRequest {
    LoadRequest {
        tasks: None,
        weights_cache: false,
        model: PathBuf::from(MODEL),
        device: DeviceChoice::Cpu,
        precision: PrecisionChoice::Exactly(Precision::F32),
    }
}

fn question(max_new_tokens: u32) -> Question {
    let image = DisplayImage {
        width: 40,
        height: 24,
        channels: Channels::Gray,
        pixels: (0..40 * 24).map(|i| u8::try_from(i % 251).unwrap()).collect(),
    };
    Question {
        images: vec![image],
        max_new_tokens,
        ignore_eos: true,
        ..Question::new("What is shown?")
    }
}

/// Everything said about a job up to its last message; fails when that never comes.
fn decode_job(client: &DecodeClient, job: JobId) -> (Vec<DecodeEvent>, Result<(), String>) {
    let (mut events, started) = (Vec::new(), Instant::now());
    while started.elapsed() < PATIENCE {
        match client.wait(Duration::from_millis(100)) {
            Some(DecodeEvent::Finished { job: ended }) if ended == job => return (events, Ok(())),
            Some(DecodeEvent::Failed { job: ended, message }) if ended == job => {
                return (events, Err(message));
            }
            Some(event) => events.push(event),
            None => {}
        }
    }
    panic!("the job never ended");
}

#[derive(Debug, Default)]
struct Heard {
    text: String,
    answer: Option<Answer>,
    restarts: usize,
    loads: usize,
    others: usize,
}

/// Follow an engine job; `on_event` may interfere before each event is taken.
fn engine_job(
    client: &EngineClient,
    job: JobId,
    mut on_event: impl FnMut(usize, &EngineEvent),
) -> (Heard, Result<(), String>) {
    let (mut heard, started, mut count) = (Heard::default(), Instant::now(), 0);
    while started.elapsed() < PATIENCE {
        let Some(event) = client.wait(Duration::from_millis(100)) else { continue };
        on_event(count, &event);
        count += 1;
        match event {
            EngineEvent::Finished { job: ended } if ended == job => return (heard, Ok(())),
            EngineEvent::Failed { job: ended, message } if ended == job => {
                return (heard, Err(message));
            }
            EngineEvent::Text { text, .. } => heard.text += &text,
            EngineEvent::Answered { answer, .. } => heard.answer = Some(*answer),
            EngineEvent::Restarted { .. } => heard.restarts += 1,
            EngineEvent::Loaded { .. } => heard.loads += 1,
            _ => heard.others += 1,
        }
    }
    panic!("the job never ended: {heard:?}");
}

fn load(client: &EngineClient) {
    let job = JobId::next();
    client.load(job, request());
    engine_job(client, job, |_, _| ()).1.unwrap();
}

fn ask(client: &EngineClient, max_new_tokens: u32) -> Heard {
    let job = JobId::next();
    client.ask(job, question(max_new_tokens));
    let (heard, ended) = engine_job(client, job, |_, _| ());
    ended.unwrap();
    heard
}

fn frames_of(events: &[DecodeEvent]) -> usize {
    let opened = events.iter().find_map(|event| match event {
        DecodeEvent::Opened { opened, .. } => Some(opened),
        _ => None,
    });
    opened
        .unwrap()
        .studies
        .iter()
        .flat_map(|study| &study.series)
        .map(|series| series.num_frames())
        .sum()
}

#[test]
fn a_study_opens_again_whenever_the_decoder_was_killed() {
    let client = decoder();
    for moment in 0..10 {
        let job = JobId::next();
        client.open(job, vec![PathBuf::from(STUDY)]);
        std::thread::sleep(Duration::from_millis(moment * 4));
        kill(client.pid());
        // Begun work is tried once more by the next process, so one kill costs nothing.
        let (events, ended) = decode_job(&client, job);
        ended.unwrap();
        assert_eq!(frames_of(&events), 20, "killed after {} ms", moment * 4);
    }
}

#[test]
fn a_frame_that_was_being_decoded_when_the_decoder_was_killed_still_comes() {
    let client = decoder();
    let jobs: Vec<JobId> = (1..=20)
        .map(|slice| {
            let path = Path::new(STUDY).join(format!("{slice:02}.dcm"));
            let job = JobId::next();
            let frame_ref = FrameRef { path, sop_instance_uid: String::new(), frame_number: 1 };
            client.read_frame(job, frame_ref);
            job
        })
        .collect();
    std::thread::sleep(Duration::from_millis(60));
    kill(client.pid());
    let (mut frames, mut ended) = (0, 0);
    let started = Instant::now();
    while ended < jobs.len() && started.elapsed() < PATIENCE {
        match client.wait(Duration::from_millis(100)) {
            Some(DecodeEvent::Frame { .. }) => frames += 1,
            Some(DecodeEvent::Finished { .. }) => ended += 1,
            Some(DecodeEvent::Failed { message, .. }) => panic!("{message}"),
            _ => {}
        }
    }
    assert_eq!((frames, ended), (20, 20));
}

#[test]
fn a_missing_file_fails_its_job_in_words_and_nothing_else() {
    let client = decoder();
    let job = JobId::next();
    let path = PathBuf::from("no-such-file.dcm");
    client.read_frame(job, FrameRef { path, sop_instance_uid: String::new(), frame_number: 1 });
    let (_, ended) = decode_job(&client, job);
    assert!(ended.unwrap_err().contains("no-such-file.dcm"));
    let job = JobId::next();
    client.open(job, vec![PathBuf::from(STUDY)]);
    assert_eq!(frames_of(&decode_job(&client, job).0), 20);
}

#[test]
fn a_model_killed_at_ten_moments_keeps_the_text_and_answers_the_next_question() {
    let client = engine();
    load(&client);
    let whole = ask(&client, 24);
    for moment in 0..10 {
        let job = JobId::next();
        client.ask(job, question(2000));
        let (heard, ended) = engine_job(&client, job, |count, event| {
            let is_text = matches!(event, EngineEvent::Text { .. });
            if count >= moment * 2 && (moment < 2 || is_text) {
                kill(client.pid());
            }
        });
        let message = ended.unwrap_err();
        assert!(message.contains("the text so far is kept"), "{message}");
        if moment >= 2 {
            assert!(!heard.text.is_empty(), "killed at {moment}");
        }
        let next = ask(&client, 24);
        assert_eq!(next.text, whole.text, "after a kill at {moment}");
        assert_eq!(next.loads, 1, "the model was loaded again");
    }
}

#[test]
fn a_model_killed_while_it_loads_loads_with_the_next_question() {
    let client = engine();
    let job = JobId::next();
    client.load(job, request());
    let (_, ended) = engine_job(&client, job, |_, event| {
        if matches!(event, EngineEvent::Loading { .. }) {
            kill(client.pid());
        }
    });
    // A tiny model may have finished before the signal arrived.
    if let Err(message) = ended {
        assert!(message.contains("stopped unexpectedly"), "{message}");
    }
    assert!(!ask(&client, 8).text.is_empty());
}

#[test]
fn stop_ends_an_answer_between_tokens_and_keeps_it() {
    let client = engine();
    load(&client);
    let job = JobId::next();
    client.ask(job, question(2000));
    let mut texts = 0;
    let (heard, ended) = engine_job(&client, job, |_, event| {
        if matches!(event, EngineEvent::Text { .. }) {
            texts += 1;
            if texts == 3 {
                client.cancel(job);
            }
        }
    });
    ended.unwrap();
    let answer = heard.answer.unwrap();
    assert_eq!(answer.finish_reason, FinishReason::Cancelled);
    assert_eq!(answer.text, heard.text);
    assert!((3..2000).contains(&answer.output_ids.len()), "{} tokens", answer.output_ids.len());
}

#[test]
fn unloading_ends_the_process() {
    let client = engine();
    load(&client);
    let pid = client.pid().unwrap();
    client.unload();
    let started = Instant::now();
    while !matches!(client.wait(Duration::from_millis(100)), Some(EngineEvent::Unloaded)) {
        assert!(started.elapsed() < PATIENCE);
    }
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(client.pid(), None);
    let job = JobId::next();
    client.ask(job, question(4));
    let message = engine_job(&client, job, |_, _| ()).1.unwrap_err();
    assert!(message.contains("no model is loaded"), "{message}");
}

#[test]
fn a_picture_read_ahead_is_not_read_again_and_changes_nothing() {
    let client = engine();
    load(&client);
    let plain = ask(&client, 8).answer.unwrap();
    drop(client);
    let client = engine();
    // without a model there is nothing to do, and it is no fault
    let job = JobId::next();
    client.read_ahead(job, question(1));
    engine_job(&client, job, |_, _| ()).1.unwrap();
    load(&client);
    let job = JobId::next();
    client.read_ahead(job, Question { text: String::new(), ..question(1) });
    engine_job(&client, job, |_, _| ()).1.unwrap();
    let ahead = ask(&client, 8).answer.unwrap();
    assert_eq!(ahead.output_ids, plain.output_ids);
    assert_eq!(ahead.prompt_ids, plain.prompt_ids);
    let (few, many) = (ahead.timings.prefill_tokens, plain.timings.prefill_tokens);
    assert!(few > 0 && few + 4 < many, "{few} of {many} positions were read after the question");
}
