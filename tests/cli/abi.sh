# SPDX-License-Identifier: BSD-2-Clause
# Every row of tests/abi, on the kernel and under pinfs.
exec "$(dirname "$0")/../../scripts/abi-compare.sh"
