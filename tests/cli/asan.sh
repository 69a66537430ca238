# SPDX-License-Identifier: BSD-2-Clause
# The unit and map tests under AddressSanitizer and UndefinedBehaviorSanitizer.
exec "$(dirname "$0")/../lib/sanitized.sh" address 'tests/unit/*.c tests/map/*.c'
