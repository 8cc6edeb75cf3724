/// A password that nobody knows, for targets that can set one but not ask for a new one.
enum RandomPassword {
    /// 256 bits of the system's generator, in 47 characters of all the kinds that policies ask for.
    static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        return Digest.base64URL(bytes) + "aA1!"
    }
}
