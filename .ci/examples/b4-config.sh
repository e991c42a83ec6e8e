# b4 prep --check, b4 am --check, and the checks of b4 review
git config --add b4.prep-perpatch-check-cmd 'harness check --format b4-check -'
git config --add b4.am-perpatch-check-cmd 'harness check --format b4-check -'
git config --add b4.review-perpatch-check-cmd 'harness check --format b4-review -'
