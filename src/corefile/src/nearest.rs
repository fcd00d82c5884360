//! Which known word was most likely meant.

/// Words longer than this are not compared.
const LONGEST: usize = 64;

/// The candidate closest to `word`, if it is close enough to be what was meant.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().collect();
    if word.is_empty() || word.len() > LONGEST {
        return None;
    }
    // One slip in three letters: more would suggest words that only share their length.
    let limit = word.len().div_ceil(3);
    let known = candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST);
    let measured = known.map(|candidate| (distance(&word, candidate), candidate));
    let close = measured.filter(|(slips, candidate)| *slips <= limit && *slips < candidate.len());
    close
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, found)| found)
}

/// Letters to add, drop, change or swap with a neighbour (optimal string alignment).
fn distance(word: &[char], candidate: &str) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=word.len()).collect();
    let mut previous = None;
    for (row, letter) in candidate.chars().flat_map(char::to_lowercase).enumerate() {
        let mut current = vec![row + 1];
        for (column, own) in word.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let changed = at(&last, column) + usize::from(*own != letter);
            let added = at(&last, column + 1) + 1;
            let dropped = at(&current, column) + 1;
            let mut cost = changed.min(added).min(dropped);
            let left = column.checked_sub(1);
            if let Some((left, neighbour)) = left.and_then(|i| word.get(i).map(|c| (i, c)))
                && previous == Some(*own)
                && *neighbour == letter
            {
                cost = cost.min(at(&before_last, left) + 1);
            }
            current.push(cost);
        }
        before_last = std::mem::replace(&mut last, current);
        previous = Some(letter);
    }
    last.last().copied().unwrap_or(0)
}
