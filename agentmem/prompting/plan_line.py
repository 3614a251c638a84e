"""A plan as a line of the prompt."""

from __future__ import annotations

from agentmem.feedback.plans import Plan
from agentmem.prompting.quoting import quote

__all__ = ["PLAN", "plan_line"]

# The short id by which a reply says that it follows the plan offered.
PLAN = "p1"


def plan_line(plan: Plan, limit: int) -> str:
    """Return what a plan is for, how it went, and its steps, quoted.

    Args:
        limit: how many characters of the steps are shown.
    """
    tried = plan.succeeded + plan.failed
    went = f"worked {plan.succeeded} of {tried} times" if tried else "not tried yet"
    steps = "; ".join(f"{n}. {step}" for n, step in enumerate(plan.steps, start=1))
    goal = quote(plan.goal, limit // 4)
    return f"[{PLAN}] a plan for {goal}, {went}; cite [{PLAN}] if you follow it: " + quote(
        steps, limit
    )
