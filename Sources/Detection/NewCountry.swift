/// Flags a country that the user was never seen in.
public enum NewCountry {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "learning_sightings", unit: "count", range: 1...1000, default: 3, isWhole: true,
            meaning: "A user's first sightings, this many, teach and do not alarm.")
    ]
}
