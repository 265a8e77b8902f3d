//! The metrics of evaluations, against values from the authors' functions, nltk and difflib, and
//! against examples reckoned by hand.
#![expect(clippy::unwrap_used, reason = "a broken test should fail loudly")]

use std::fs;
use std::path::Path;

use reading_room::eval::{
    Candidates, ChoiceRule, Chosen, Dataset, EvalError, Item, Kind, Turns, bleu, choose,
    choose_any_case, closed_corrected, closed_run_eval, contained_choice, exact_match,
    first_yes_or_no, judge_scores, normalized, overlap, ratio, score,
};
use serde_json::{Value, json};

const FIXTURES: &str = "tests/fixtures/evaluation";

fn read(name: &str) -> Vec<Value> {
    let text = fs::read(Path::new(FIXTURES).join(name)).unwrap();
    let value: Value = serde_json::from_slice(&text).unwrap();
    value.get("items").unwrap_or(&value).as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

fn close(got: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((got - expected).abs() <= 1e-12 * expected.abs().max(1e-3), "{what}: {got} {expected}");
}

fn options(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn words_are_counted_as_the_published_functions_count_them() {
    let cases = read("words.json");
    assert_eq!(cases.len(), 30);
    for case in &cases {
        let prediction = normalized(text(case, "prediction"));
        let reference = normalized(text(case, "reference"));
        assert_eq!(prediction, text(case, "normalized_prediction"));
        assert_eq!(reference, text(case, "normalized_reference"));
        let what = format!("{prediction:?} {reference:?}");
        let shared = overlap(&prediction, &reference);
        close(exact_match(&prediction, &reference), &case["exact_match"], &what);
        close(shared.precision, &case["precision"], &what);
        close(shared.recall, &case["recall"], &what);
        close(shared.f1, &case["f1"], &what);
        let weights = [[0.25; 4], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]];
        for (weights, expected) in weights.into_iter().zip(case["bleu"].as_array().unwrap()) {
            close(bleu(&prediction, &reference, weights), expected, &what);
        }
    }
}

#[test]
fn texts_are_as_alike_as_difflib_says() {
    for case in read("similarity.json") {
        let (a, b) = (text(&case, "a"), text(&case, "b"));
        close(ratio(a, b), &case["ratio"], &format!("{a:?} {b:?}"));
    }
}

#[test]
fn normalisation_has_the_published_quirks() {
    for (given, expected) in [
        // a mark next to a space anywhere is removed everywhere, else it becomes a space
        ("well-defined", "well defined"),
        ("well-defined - mass", "welldefined mass"),
        // a digit, a comma and a digit anywhere: every mark is removed
        ("1,500 left-sided", "1500 leftsided"),
        // periods go unless a digit follows
        ("1.5 cm. i.e. .5", "1.5 cm ie .5"),
        ("None of the ten", "0 of 10"),
        ("it isnt a mass", "it isn't mass"),
        ("somebody'd know", "somebodyd know"),
    ] {
        assert_eq!(normalized(given), expected, "{given:?}");
    }
    // the first 32 periods only
    assert_eq!(normalized(&"e.".repeat(34)), format!("{}e.e.", "e".repeat(32)));
}

#[test]
fn words_by_hand() {
    // prediction 4 words, reference 2, both shared: 2 / 4, and 2 of 2
    assert_eq!(exact_match("mass in left lung", "left lung"), 0.5);
    let shared = overlap("mass in left lung", "left lung");
    assert_eq!((shared.precision, shared.recall), (0.5, 1.0));
    assert!((shared.f1 - 2.0 / 3.0).abs() < 1e-15);
    // a repeated word counts each time in the prediction, however rare in the reference
    let shared = overlap("heart heart lung", "heart valve");
    assert_eq!((shared.precision, shared.recall), (2.0 / 3.0, 2.0 / 3.0));
    // brevity: one word against two, exp(1 - 2)
    let brief = bleu("left", "left lung", [1.0, 0.0, 0.0, 0.0]);
    assert!((brief - (-1.0_f64).exp()).abs() < 1e-15);
    assert_eq!(bleu("", "lung", [0.25; 4]), 0.0);
    // no group of four words in common: one of the four precisions is nltk's least number
    assert!(bleu("left lung mass", "left lung mass", [0.25; 4]) < 1e-76);
}

#[test]
fn letters_are_extracted_as_the_scorer_does() {
    let cases = [
        ("C", Some('C')),
        ("(B)", Some('B')),
        ("b.", Some('b')),
        ("The answer is B.", Some('B')),
        ("答案是B", Some('B')),
        ("选项为C。", Some('C')),
        ("**D**", Some('D')),
        ("\"A\"", Some('A')),
        ("#B\n", Some('B')),
        // the article, and then the letter
        ("A mass, so B", Some('B')),
        ("a mass: (a)", Some('a')),
        // the pronoun is a letter between a and n
        ("I think (B)", Some('I')),
        ("A", Some('A')),
        ("A\n", Some('A')),
        // after n there are none
        ("O", None),
        ("x_B", None),
        ("选B", None),
    ];
    let options = options(&["lung", "liver", "kidney", "heart"]);
    for (answer, letter) in cases {
        let chosen = choose(answer, &options).unwrap();
        let by_letter = (chosen.rule == ChoiceRule::Letter).then_some(chosen.letter);
        assert_eq!(by_letter, letter, "{answer:?}");
    }
}

#[test]
fn without_a_letter_the_last_or_the_most_similar_option_is_meant() {
    let organs = options(&["lung", "liver", "kidney"]);
    let chosen = |answer: &str| choose(answer, &organs).unwrap();
    let text = |letter| Chosen { letter, rule: ChoiceRule::Text };
    assert_eq!(chosen("Not the lung but the LIVER"), text('B'));
    assert_eq!(chosen("liver, kidney, lung"), text('A'));
    let similar = |letter| Chosen { letter, rule: ChoiceRule::Similar };
    assert_eq!(chosen("kidneys' neighbour".get(..4).unwrap()), similar('C'));
    // equally unlike: the last
    assert_eq!(chosen(""), similar('C'));
    assert_eq!(choose("anything", &[]), None);
    // beginning together: the first
    assert_eq!(choose("xlungs", &options(&["lung", "lungs"])), Some(text('A')));
    assert_eq!(choose_any_case("b", &organs), Some('B'));
}

#[test]
fn the_scorers_cases_come_out_as_published() {
    let data = Dataset::open(&Path::new(FIXTURES).join("mcq_data.json"), Turns::First).unwrap();
    assert_eq!((data.items.len(), data.dropped.open), (14, 1));
    let cases = read("mcq_scores.json");
    for (item, case) in data.items.iter().zip(&cases) {
        assert_eq!(item.id, case["test_id"]);
        assert_eq!(item.question, text(case, "query"));
        let scored = score(item, text(case, "model_output"), None);
        assert_eq!(scored.predicted.as_deref(), case["predicted"].as_str());
        assert_eq!(scored.class.as_deref(), case["label"].as_str());
        let is_right = case["correct"].as_bool().unwrap();
        assert_eq!(scored.scores["accuracy"], f64::from(u8::from(is_right)), "{case}");
    }
    // a lower-case letter is wrong in the authors' column and right in the corrected one
    let scored = score(&data.items[5], "b", None);
    assert_eq!((scored.scores["accuracy"], scored.scores["accuracy_corrected"]), (0.0, 1.0));
}

#[test]
fn closed_answers_are_scored_as_published_and_corrected() {
    // prediction, reference, run_eval, corrected
    for (prediction, reference, published, corrected) in [
        ("yes there is fracture", "yes", Some(true), true),
        ("heart is normal in size", "no", Some(true), false),
        ("this is coronal view", "yes", Some(false), false),
        // with "no" and without the reference run_eval does not count the question
        ("no", "yes", None, false),
        ("no there is not", "no", Some(true), true),
        ("it is on right side no doubt", "right", Some(true), true),
        ("bright", "right", Some(false), false),
        ("no yes", "yes", Some(true), false),
    ] {
        let got = (closed_run_eval(prediction, reference), closed_corrected(prediction, reference));
        assert_eq!(got, (published, corrected), "{prediction:?} {reference:?}");
    }
    assert_eq!(first_yes_or_no("i say no and yes"), Some("no"));
    assert_eq!(first_yes_or_no("normal nodule"), None);
}

#[test]
fn the_nearest_candidate_decides_open_accuracy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("candidate.json");
    fs::write(&path, r#"{"0": ["left lung", "right lung", "The heart", 7]}"#).unwrap();
    let known = Candidates::open(&path).unwrap();
    assert!(known.hits("it is right lung", "right lung"));
    // both lungs are half there: the first
    assert!(known.hits("lung", "left lung"));
    assert!(known.hits("7 of them", "7"));
    // nothing in common: the first
    assert!(known.hits("spleen", "left lung"));
    fs::write(&path, r#"{"1": []}"#).unwrap();
    let error = Candidates::open(&path).unwrap_err().to_string();
    assert!(error.starts_with("the candidates are not a list of answers under the key \"0\""));
}

#[test]
fn the_longest_choice_in_whole_words_is_meant() {
    let views = options(&["CT", "CT with contrast", "X-ray", "MRI"]);
    for (answer, choice) in [
        ("This is a CT.", Some(0)),
        ("A CT with contrast agent", Some(1)),
        ("an x-ray of the chest", Some(2)),
        ("MRI, not CT", Some(3)),
        ("ACTUALLY not", None),
    ] {
        assert_eq!(contained_choice(answer, &views), choice, "{answer:?}");
    }
}

fn reference(answer: &str, choices: &[&str]) -> Item {
    Item {
        index: 0,
        id: json!(1),
        question: "What is it?".to_owned(),
        history: Vec::new(),
        images: Vec::new(),
        reference: Some(answer.to_owned()),
        kind: Kind::Reference { choices: options(choices) },
        groups: std::collections::BTreeMap::new(),
    }
}

#[test]
fn an_answer_is_right_when_it_equals_the_reference_or_names_its_choice() {
    let accuracy = |item: &Item, answer: &str| score(item, answer, None).scores["accuracy"];
    let plain = reference("A chest X-ray.", &[]);
    assert_eq!(accuracy(&plain, "chest x ray"), 1.0);
    assert_eq!(accuracy(&plain, "It is a chest X-ray."), 0.0);
    let named = reference("The modality is MRI.", &["CT", "MRI"]);
    assert_eq!(accuracy(&named, "I see an MRI of the head"), 1.0);
    assert_eq!(accuracy(&named, "CT"), 0.0);
    assert_eq!(score(&named, "CT", None).class.as_deref(), Some("MRI"));
    // a reference without a choice is compared as text
    assert_eq!(accuracy(&reference("ultrasound", &["CT", "MRI"]), "Ultrasound."), 1.0);
}

#[test]
fn a_judges_scores_become_the_published_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.jsonl");
    let line = |kind: &str, domain: &str, scores: &str| {
        let domain = json!({"chest_xray": domain == "chest_xray", "mri": domain == "mri"});
        let verdict = format!("{scores}\nBecause.");
        json!({"question_id": 1, "type": kind, "domain": domain, "gpt_eval": verdict}).to_string()
    };
    let lines = [
        line("conversation", "mri", "8 4"),
        line("conversation", "chest_xray", "10 5.5"),
        line("detailed_description", "mri", "5, 5"),
    ];
    fs::write(&path, lines.join("\n")).unwrap();
    let table = judge_scores(&path).unwrap();
    let rows: Vec<_> = table
        .rows
        .iter()
        .map(|row| (row.name.as_str(), row.data_size, row.gpt4_score, row.pred_score))
        .collect();
    assert_eq!(
        rows,
        [
            ("conversation", 2, 9.0, 4.75),
            ("detailed_description", 1, 5.0, 5.0),
            ("chest_xray", 1, 10.0, 5.5),
            ("mri", 2, 6.5, 4.5),
            ("overall", 3, 23.0 / 3.0, 14.5 / 3.0),
        ]
    );
    let relative: Vec<f64> = table.rows.iter().map(|row| row.pred_relative_score.value).collect();
    for (got, expected) in relative.iter().zip([52.5, 100.0, 55.0, 75.0, 205.0 / 3.0]) {
        assert!((got - expected).abs() < 1e-9, "{got} {expected}");
    }
    fs::write(&path, "{\"gpt_eval\": \"Both are good.\"}").unwrap();
    let error = judge_scores(&path).unwrap_err().to_string();
    assert!(error.starts_with("line 1 has a field \"gpt_eval\" that does not begin with two"));
}

/// What a data file of this content gives.
fn open(content: &str) -> Result<Dataset, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.json");
    fs::write(&path, content).unwrap();
    Dataset::open(&path, Turns::First).map_err(|error: EvalError| error.to_string())
}

#[test]
fn faults_of_a_data_file_are_named_with_their_place() {
    for (content, words) in [
        ("", &["there is no question in this file"][..]),
        ("[]", &["there is no question in this file"]),
        ("[{\"a\": 1}]", &["none of the formats", "HuatuoGPT-Vision", "PubMedVision"]),
        ("{\"a\": 1}", &["none of the formats"]),
        ("7", &["none of the formats"]),
        ("[{\"question\": ", &["the data file is not valid JSON", "line 1 column"]),
        ("[7]", &["record 1 is not an object"]),
        (
            r#"[{"question": "q", "options": ["a"], "answer": "a"}, {"question": "q", "options": ["a"]}]"#,
            &["record 2 has no field \"answer\""],
        ),
        (
            r#"[{"question": 1, "options": ["a"], "answer": "a"}]"#,
            &["record 1 has a field \"question\" that is not a text"],
        ),
        (
            r#"[{"question": "q", "options": "a, b", "answer": "a"}]"#,
            &["record 1 has a field \"options\" that is not a list of texts"],
        ),
        (
            r#"[{"question": "q", "options": ["1","2","3","4","5","6","7","8","9","10","11","12"], "answer": "1"}]"#,
            &["record 1 has 12 options", "letters for 11"],
        ),
        (
            "{\"question_id\": 1, \"text\": \"q\"}\n\n{\"question_id\": 2}\n",
            &["line 3 has no field \"text\""],
        ),
        (
            "{\"question_id\": 1, \"text\": \"q\"}\n{\"question_id\": 2,\n",
            &["line 2 is not valid JSON", "at column"],
        ),
        (
            r#"[{"id": 1, "conversations": [{"from": "human"}]}]"#,
            &["record 1 has a turn in \"conversations\" without \"from\" and \"value\""],
        ),
        (
            r#"[{"id": 1, "conversations": [{"from": "robot", "value": "x"}]}]"#,
            &["record 1 has a turn by an unknown role \"robot\""],
        ),
        (
            r#"[{"id": 1, "image": "a.png", "conversations": []}]"#,
            &["only records that are not asked"],
        ),
    ] {
        let error = open(content).unwrap_err();
        for word in words {
            assert!(error.contains(word), "{content}: {error:?} does not say {word:?}");
        }
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn options_are_read_as_python_writes_them() {
    let data = open(
        r#"[{"question": "q", "options": "['CT', \"Crohn's\", 'a\\'b', '\\u80ba', 3,]", "answer": "CT"}]"#,
    );
    let item = &data.unwrap().items[0];
    let Kind::Choice { options } = &item.kind else { unreachable!("a question with options") };
    assert_eq!(options, &["CT", "Crohn's", "a'b", "肺", "3"]);
    assert!(item.question.starts_with("q\nA. CT\nB. Crohn's\nC. a'b\nD. 肺\nE. 3\nAnswer with"));
}

#[test]
fn repeated_and_open_questions_of_a_benchmark_are_dropped() {
    let data = open(
        r#"[{"test_id": 1, "question": "q", "options": ["a", "b"], "answer": "a"},
            {"test_id": 1, "question": "q", "options": ["a", "b"], "answer": "a"},
            {"test_id": 2, "question": "q", "options": [], "answer": "a"},
            {"test_id": 3, "question": "q", "options": ["a"], "answer": "a", "question_type": "open"},
            {"test_id": 4, "question": "q", "options": ["a"], "answer": "?"}]"#,
    )
    .unwrap();
    assert_eq!((data.dropped.open, data.dropped.repeated), (2, 1));
    let places: Vec<_> = data.items.iter().map(|item| (item.index, item.id.clone())).collect();
    assert_eq!(places, [(0, json!(1)), (1, json!(4))]);
    // an unknown answer is never right
    assert_eq!(score(&data.items[1], "A", None).scores["accuracy"], 0.0);
}

#[test]
fn conversations_give_turns_pictures_and_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.json");
    let record = json!({
        "id": "r1", "image": ["a.png", "b.png"], "modality": "CT", "body_part": "Chest",
        "type": "finding", "conversations": [
            {"from": "human", "value": "<image>\nFirst?"}, {"from": "gpt", "value": "one"},
            {"from": "human", "value": "Second?"}, {"from": "gpt", "value": "two"},
        ]
    });
    let qwen = json!({"image": [], "conversations": [
        {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"},
        {"role": "assistant", "content": "Hello."}]});
    fs::write(&path, json!([record, qwen]).to_string()).unwrap();
    let items = |turns| Dataset::open(&path, turns).unwrap().items;
    let first = items(Turns::First);
    assert_eq!(first[0].question, "First?");
    assert_eq!(first[0].images, ["a.png", "b.png"]);
    let groups: Vec<_> = first[0].groups.iter().map(|(a, b)| format!("{a}={b}")).collect();
    assert_eq!(groups, ["body_part=Chest", "modality=CT", "type=finding"]);
    assert_eq!((first[1].question.as_str(), &first[1].id), ("Hello?", &json!(2)));
    let last = items(Turns::Last);
    assert_eq!((last[0].question.as_str(), last[0].images.len()), ("Second?", 0));
    assert_eq!(last[0].history[0].answer, "one");
    assert_eq!(last[0].history[0].images, ["a.png", "b.png"]);
    assert_eq!(items(Turns::All).len(), 3);
}
