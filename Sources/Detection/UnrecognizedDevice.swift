/// Flags the first sighting of a device that the user was never seen on.
public enum UnrecognizedDevice {
    public static let parameters: [ParameterSpec] = [
        ParameterSpec(
            "learning_sightings", unit: "count", range: 1...1000, default: 3, isWhole: true,
            meaning: "A user's first sightings, this many, teach and do not alarm.")
    ]
}
