/// Flags a sign-in that works after many that failed.
public enum FailuresThenSuccess {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "failure_count", unit: "count", range: 2...1000, default: 5, isWhole: true,
            meaning: "Failures from the network that then succeeds, at least this many."),
        ParameterSpec(
            "failure_gap_minutes", unit: "min", range: 1...1440, default: 15,
            meaning: "Failures, and the success, no farther apart than this belong together."),
    ]
}
