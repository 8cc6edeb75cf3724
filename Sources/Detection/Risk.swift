/// How findings combine to the risk of an alert.
///
/// Naive Bayes: of an account with nothing found the odds to be taken are those of the base rate; each
/// rule's surest finding multiplies them by what it would make of them alone. So several findings that
/// are weak alone are strong together, which independent chances (noisy-or) would not tell.
public enum Risk {
    /// The risk, 0 through 1, of an account about which nothing is said: 1 in 50, far more than there are,
    /// so that one strong finding is enough for an alert.
    public static let baseRate = 0.02

    /// Weights are taken as at most this, so that no finding is beyond doubt.
    static let mostWeight = 0.995

    /// What a finding of this weight, 0 through 1, multiplies the odds by, 1 or more: one that weighs
    /// less than the base rate takes nothing away.
    public static func factor(_ weight: Double) -> Double {
        let weight = min(max(weight, baseRate), mostWeight)
        return weight / (1 - weight) / baseOdds
    }

    /// The same as odds.
    public static let baseOdds = baseRate / (1 - baseRate)

    /// The risk, 0 through 99, of the factors' product: nothing is beyond doubt.
    public static func percent(_ product: Double) -> Int {
        let odds = baseOdds * product
        return min(99, Int((100 * odds / (1 + odds)).rounded()))
    }
}
