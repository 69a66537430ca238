# SPDX-License-Identifier: BSD-2-Clause
# The tests that start threads, under ThreadSanitizer.
cd "$(dirname "$0")/../.." || exit 1
exec tests/lib/sanitized.sh thread "$(grep -lE 'pthread_create|thrd_create' tests/unit/*.c tests/map/*.c | tr '\n' ' ')"
