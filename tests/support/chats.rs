//! Chats made up for tests.

use std::sync::Arc;

use reading_room::chat::{
    Altered, Answer, AnswerState, CodecAlone, Conversation, Drawing, Evidence, Finish, Marks,
    Meter, Provenance, SliceAnswer, Slices, Token, Tokens,
};
use reading_room::imaging::{
    Alteration, Channels, DisplayImage, Grayscale, Point, Shape, Similarity, Turned, VoiLut,
    VoiLutFunction, Window,
};
use reading_room::vlm::{Cells, EyeFacts, Likely, Padded, YesNo};

/// A picture that differs for every seed.
pub(crate) fn picture(seed: u32, channels: Channels) -> DisplayImage {
    let (width, height) = (48, 32);
    let samples = width * height * u32::try_from(channels.count()).unwrap();
    let pixels = (0..samples).map(|i| u8::try_from((i * (seed + 3) + seed) % 251).unwrap());
    DisplayImage { width, height, channels, pixels: pixels.collect() }
}

pub(crate) fn marks(study: &str) -> Marks {
    let mark = |text: &str| format!("{text:0>32}");
    Marks { study: mark(study), series: mark("5e"), frame: mark("f0") }
}

pub(crate) fn evidence(study: &str, alias: &str, modality: &str, seed: u32) -> Evidence {
    let image = picture(seed, if modality == "PIC" { Channels::Rgb } else { Channels::Gray });
    let window = Window {
        // numbers that a hasty parser of JSON gets wrong in the last digit
        center: 0.1 + 0.2 + f64::from(seed) / 3.0,
        width: 1_234.567_890_123_456_7,
        function: VoiLutFunction::Linear,
    };
    let evidence = Evidence {
        frame_ref: None,
        marks: Some(marks(study)),
        alias: alias.to_owned(),
        modality: modality.to_owned(),
        grayscale: Grayscale { voi_lut: VoiLut::Window(window), inverted: seed % 2 == 1 },
        turned: Turned::default().rotated_right(),
        study_key: String::new(),
        series_key: String::new(),
        frame_idx: 4,
        num_frames: 20,
        label: format!("{modality} · slice 5 of 20"),
        // numbers that a hasty parser gets wrong here too
        altered: seed.is_multiple_of(2).then(|| Altered {
            how: Alteration::Mark(Shape::Ellipse([
                Point::new(0.1 + 0.2, f64::from(seed) / 3.0),
                Point::new(1_234.567_890_123_456_7, 40.0),
            ])),
            whole_sha256: "cd".repeat(32),
            repeats: false,
        }),
        image: None,
        thumbnail: None,
        image_sha256: image.sha256(),
    };
    evidence.with_image(Some(image))
}

pub(crate) fn provenance(title: &str) -> Provenance {
    Provenance {
        model: title.to_lowercase().replace(' ', "-"),
        title: title.to_owned(),
        weights_sha256: "ab".repeat(32),
        precision: "f32".to_owned(),
        device: "cpu: 2 threads".to_owned(),
        driver: "avx2".to_owned(),
        temperature: 0.2,
        top_p: Some(0.9),
        top_k: None,
        repetition_penalty: 1.1,
        seed: 7,
        max_new_tokens: 512,
        system: Some("You read pictures.".to_owned()),
        left_out: 0,
        own_words: false,
        program_version: "0.1.0".to_owned(),
    }
}

pub(crate) fn answer(text: &str, model: &str) -> Answer {
    Answer {
        text: text.to_owned(),
        state: AnswerState::Done(Finish::Stop),
        meter: Meter {
            tokens: 12,
            elapsed_ms: 1_000.0 / 3.0,
            first_token_ms: Some(2.0 / 7.0),
            decode_ms: 0.1 + 0.7,
            ..Meter::default()
        },
        provenance: Some(provenance(model)),
        ..Answer::waiting()
    }
}

/// How a picture was prepared, with everything that may have been done to it.
fn seen() -> EyeFacts {
    EyeFacts {
        given: [48, 32],
        seen: [28, 28],
        padded: Some(Padded { color: [122, 116, 104], left: 0, top: 8, right: 0, bottom: 8 }),
        cut_away: Some(0.1 + 0.2),
        black_around: true,
        stretched: Some(-1.0 / 3.0),
        cells: Some(Cells { side: 28, grid: [1, 1] }),
        tensor_shape: vec![3, 28, 28],
        tensor_sha256: "ab".repeat(32),
        tokens: 1,
    }
}

/// What an answer of these words is made of.
pub(crate) fn tokens(words: &[&str]) -> Tokens {
    let token = |(id, word): (u32, &&str)| Token {
        id,
        text: (*word).to_owned(),
        log_prob: -1.0 / 3.0,
        likely: vec![Likely { id: 7, text: "Yes".to_owned(), log_prob: -0.1 - 0.2 }],
    };
    Tokens {
        prompt: "<image> Is there a nodule?".to_owned(),
        prompt_ids: vec![1, -200, 2],
        written: (3..).zip(words).map(token).collect(),
        given: 1,
        yes_no: Some(YesNo { yes: 0.6, no: 0.2 }),
    }
}

/// A chat of one turn without a picture.
pub(crate) fn short(question: &str, text: &str) -> Conversation {
    let mut chat = Conversation::begin();
    chat.ask(question.to_owned(), Vec::new());
    chat.turns[0].answers = vec![answer(text, "HuatuoGPT-Vision 7B")];
    chat
}

/// P(yes) over slices, as it comes from a history.
fn slices() -> Slices {
    let answer = |(frame_idx, yes)| SliceAnswer { frame_idx, yes };
    let given = [(0, Some(0.1 + 0.2_f32)), (2, None), (4, Some(2.0 / 3.0))];
    Slices {
        series: Some(marks("01").series),
        series_key: String::new(),
        num_slices: 20,
        provenance: provenance("HuatuoGPT-Vision 7B"),
        answers: given.into_iter().map(answer).collect(),
    }
}

/// A chat with everything a chat can have.
pub(crate) fn full() -> Conversation {
    let mut chat = Conversation::begin();
    let pictures = vec![evidence("01", "Case 07", "CT", 1), evidence("01", "Case 07", "CT", 2)];
    chat.ask("Is there a nodule? <b>&\"</b> 是否有结节？".to_owned(), pictures);
    chat.turns[0].answers = vec![
        answer("No nodule.\n\n* **clear** lungs", "HuatuoGPT-Vision 7B"),
        answer("未见结节。<script>alert(1)</script>", "LLaVA-Med v1.5"),
        Answer { state: AnswerState::Stopped, ..answer("There is", "HuatuoGPT-Vision 7B") },
    ];
    chat.turns[0].shown_idx = 1;
    chat.turns[0].answers[0].tokens = Some(Arc::new(tokens(&["No", " nodule"])));
    chat.turns[0].answers[0].seen = vec![seen()];
    chat.turns[0].slices = Some(Box::new(slices()));
    // the same picture again, and a colour one
    chat.ask_for_picture("Reconstruct the image.".to_owned(), evidence("01", "Case 07", "CT", 1));
    let similarity = Similarity { mae: 10.0 / 3.0, psnr_db: Some(21.123_456_789), ssim: None };
    let drawn = |seed| Some(Arc::new(picture(seed, Channels::Rgb)));
    chat.turns[1].answers[0] = Answer {
        state: AnswerState::Done(Finish::Length),
        drawing: Some(Drawing {
            codes: (0..1024).collect(),
            grid: Some([32, 32]),
            picture: drawn(5),
            pictured: 1024,
            original: drawn(6),
            similarity: Some(similarity),
            ceiling: Some(CodecAlone {
                codes: vec![3, 2, 1],
                picture: drawn(7).unwrap(),
                similarity: Some(similarity),
            }),
            only_codes: true,
            shortfall: None,
        }),
        ..answer("", "HealthGPT M3")
    };
    chat.ask("And here?".to_owned(), vec![evidence("02", "Case 09", "PIC", 3)]);
    chat.turns[2].answers[0].state = AnswerState::Failed("The model ended".to_owned());
    chat.title = "Chest, 结节".to_owned();
    chat.pinned = true;
    chat
}
