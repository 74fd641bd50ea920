// How large the share of stale values can be, by a sample in which some were found.
#pragma once
#include <cstdint>
#include <string>

namespace wc::app {

/// The upper end of the one-sided 95 % confidence interval for the share of stale values, when `stale` of `checked`
/// values were stale: with a larger share, so few would be found in at most 5 of 100 such samples.  1 while nothing is
/// checked.
///
/// It is the exact interval of C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated
/// in the case of the binomial", Biometrika 26 (1934), 404-413: the share p at which a binomial variable of `checked`
/// trials is at most `stale` with probability 0.05.  With stale = 0 it is 1 - 0.05^(1/checked), about 3/checked: the
/// "rule of three" of J. A. Hanley and A. Lippman-Hand, JAMA 249 (1983), 1743-1745.
///
/// REQUIRES: 0 <= stale <= checked.
double stale_share_at_most(std::int64_t stale, std::int64_t checked);

/// The share of fresh values in percent, with as many digits as the share that is left needs to show its first one:
/// `99.9998 %` for stale_share = 0.0000024.
std::string nines(double stale_share);

}  // namespace wc::app
