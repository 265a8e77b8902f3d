//! Questions to start from, by modality, in English and Chinese.

/// A question offered under an empty chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExampleQuestion {
    /// What it asks, in English.
    pub english: &'static str,
    /// The same in Chinese.
    pub chinese: &'static str,
}

const fn example(english: &'static str, chinese: &'static str) -> ExampleQuestion {
    ExampleQuestion { english, chinese }
}

const CT: &[ExampleQuestion] = &[
    example("Which organs are visible on this slice?", "这一层面可以看到哪些器官？"),
    example("Is there a nodule? Answer yes or no.", "是否有结节？请回答是或否。"),
    example("Describe the findings in this CT image.", "请描述这张CT图像的表现。"),
];

const MR: &[ExampleQuestion] = &[
    example("Which sequence and plane is this?", "这是什么序列和切面？"),
    example("Is there an area of abnormal signal?", "是否存在异常信号区？"),
    example("Describe the findings in this MR image.", "请描述这张磁共振图像的表现。"),
];

const X_RAY: &[ExampleQuestion] = &[
    example("Are the lungs clear? Answer yes or no.", "双肺是否清晰？请回答是或否。"),
    example("Is the heart enlarged?", "心影是否增大？"),
    example("Describe the findings in this radiograph.", "请描述这张X线片的表现。"),
];

const ULTRASOUND: &[ExampleQuestion] = &[
    example("Which structure is shown here?", "这里显示的是什么结构？"),
    example("Describe the echo texture.", "请描述回声特点。"),
];

const NUCLEAR: &[ExampleQuestion] = &[
    example("Where is the uptake highest?", "哪里的摄取最高？"),
    example("Describe the distribution of uptake.", "请描述摄取分布。"),
];

const MICROSCOPY: &[ExampleQuestion] = &[
    example("Which tissue and stain is this?", "这是什么组织和染色？"),
    example("Describe the cells in this image.", "请描述图中的细胞。"),
];

const ANY: &[ExampleQuestion] = &[
    example("What kind of image is this?", "这是什么类型的图像？"),
    example("Describe what you see.", "请描述你看到的内容。"),
    example("Is anything unusual? Answer briefly.", "有无异常？请简要回答。"),
];

/// The questions offered while nano, the small model of the program, is loaded: what it was taught.
pub const NANO_QUESTIONS: &[&str] = &[
    "What modality is this?",
    "Which body part is shown?",
    "In which plane is this slice?",
    "Describe this image.",
];

/// The questions offered for a modality as DICOM writes it.
pub fn example_questions(modality: &str) -> &'static [ExampleQuestion] {
    match modality {
        "CT" => CT,
        "MR" => MR,
        "CR" | "DX" | "MG" | "RF" | "XA" | "RG" | "PX" => X_RAY,
        "US" | "IVUS" => ULTRASOUND,
        "NM" | "PT" => NUCLEAR,
        "SM" | "GM" => MICROSCOPY,
        _ => ANY,
    }
}
