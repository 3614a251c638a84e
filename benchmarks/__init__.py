"""Measure cost and fit weights; development tools that are not part of the wheel.

Every figure is a ratio to a floor measured alternately with it in the same run.
"""
